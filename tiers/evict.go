package tiers

import (
	"path"
	"time"
)

// makeRoom evicts until incoming more bytes stay within the limits, and
// reserves them until index.release. It reports false, and reserves nothing, if
// they cannot.
func (d *Disk) makeRoom(incoming int64) bool {
	reason, lacking := "size", d.lacking()
	if lacking > 0 {
		// One at a time, or each would evict all that is lacking.
		d.evicting.Lock()
		defer d.evicting.Unlock()
		reason, lacking = "space", d.lacking()
	}
	victims, ok := d.index.reserve(incoming, d.limits.Size, lacking)
	for _, v := range victims {
		d.remove(v.name)
		if d.limits.Evicted != nil {
			d.limits.Evicted(reason, time.Since(v.atime))
		}
	}
	if ok && lacking > 0 && d.lacking() > 0 {
		d.index.release(incoming)
		ok = false
	}
	return ok
}

// lacking returns how many bytes the file system is short of the floor.
func (d *Disk) lacking() int64 {
	if d.limits.Free <= 0 {
		return 0
	}
	free, err := freeSpace(d.root.Name())
	if err != nil {
		return 0 // not told on this system; a full disk is met as ENOSPC
	}
	return d.limits.Free - free
}

// remove deletes a file, and the directories that it leaves empty.
func (d *Disk) remove(name string) {
	if err := d.root.Remove(name); err != nil && !cannotExist(err) {
		d.log.Warn("evicting a file", "file", name, "err", err)
		return
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if d.root.Remove(dir) != nil {
			return // not empty
		}
	}
}
