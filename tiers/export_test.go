package tiers

// Counted waits until the files that were there at the start are counted.
func (d *Disk) Counted() { <-d.walked }

// EscapeNames makes d take its file system for one that folds case.
func (d *Disk) EscapeNames() {
	<-d.walked
	d.layout.escape = true
}

// Dir returns the directory of d.
func (d *Disk) Dir() string { return d.root.Name() }

// Impatient makes r wait for no other process.
func (r *Record) Impatient() { r.patience = 0 }
