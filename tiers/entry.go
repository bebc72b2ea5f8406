package tiers

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
)

// queueDir holds one small file for each version that waits for a save.
const queueDir = ownDir + "/queue"

// maxEntry is the largest such file that is read, in bytes.
const maxEntry = 64 << 10

// An entry says which version waits, and for which stores.
type entry struct {
	Path    string
	Version string
	Whole   bool      // all three files; else the go.mod alone
	Stores  []string  // names of those that lack it
	Added   time.Time // when the first file of it came
}

func (e entry) module() module.Version { return module.Version{Path: e.Path, Version: e.Version} }

// merge returns e with what is asked for beside, and whether that is news. An
// entry for more stores or files than need it costs a save that finds all there.
func (e entry) merge(whole bool, stores []string) (entry, bool) {
	news := whole && !e.Whole
	e.Whole = e.Whole || whole
	e.Stores = slices.Clone(e.Stores)
	for _, s := range stores {
		if !slices.Contains(e.Stores, s) {
			e.Stores = append(e.Stores, s)
			news = true
		}
	}
	return e, news
}

// entryName returns the file of v's entry.
func entryName(v module.Version) string {
	sum := sha256.Sum256([]byte(v.String()))
	return queueDir + "/" + hex.EncodeToString(sum[:16])
}

// writeEntry makes e durable.
func (d *Disk) writeEntry(e entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	s, err := d.newSpool(-1)
	if err != nil {
		return err
	}
	defer s.discard()
	if _, err := s.Write(b); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	err = d.root.Rename(s.name, entryName(e.module()))
	if errors.Is(err, fs.ErrNotExist) && d.root.MkdirAll(queueDir, 0o777) == nil { // somebody removed it
		err = d.root.Rename(s.name, entryName(e.module()))
	}
	if err != nil {
		return fmt.Errorf("queueing: %v", err) // it is no module file that is absent
	}
	return d.syncDir(queueDir)
}

// removeEntry removes v's entry. That this is not durable costs a save that
// finds all there.
func (d *Disk) removeEntry(v module.Version) error {
	if err := d.root.Remove(entryName(v)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// readEntries returns the entries that an earlier process left, oldest first,
// and pins their files. One that cannot be read is left where it is.
func (d *Disk) readEntries() ([]entry, error) {
	if err := d.root.MkdirAll(queueDir, 0o777); err != nil {
		return nil, err
	}
	files, err := fs.ReadDir(d.root.FS(), queueDir)
	if err != nil {
		return nil, err
	}
	var all []entry
	for _, f := range files {
		e, err := d.readEntry(queueDir + "/" + f.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process on this directory has saved it
		}
		if err != nil {
			d.log.Error("an entry of the queue cannot be read, and what it names is not saved; remove the file, or have the version fetched again", "file", f.Name(), "err", err)
			continue
		}
		d.index.pin(d.layout.dir(e.module()), d.sizeOf(e.module()))
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b entry) int { return a.Added.Compare(b.Added) })
	return all, nil
}

func (d *Disk) readEntry(name string) (e entry, err error) {
	f, err := d.root.Open(name)
	if err != nil {
		return e, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxEntry))
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return e, err
	}
	if !Canonical(e.module()) || len(e.Stores) == 0 || !strings.HasSuffix(name, entryName(e.module())) {
		return e, errors.New("it names no version, no store, or another version than its file's name")
	}
	return e, nil
}

// sizeOf returns the bytes of v's files that are on disk.
func (d *Disk) sizeOf(v module.Version) (n int64) {
	for _, k := range []Kind{Info, Mod, Zip} {
		if info, err := d.root.Lstat(d.layout.name(Ref{v.Path, v.Version, k})); err == nil {
			n += info.Size()
		}
	}
	return n
}
