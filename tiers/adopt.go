package tiers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"
	"time"
)

// errNoRoom says that a file was not kept since the limits leave no room.
var errNoRoom = errors.New("no room within Tiers.Disk.Size and Tiers.Disk.Free (MODTIER_DISK_SIZE, MODTIER_DISK_FREE)")

// maxPlacings is how often a file is put into a directory that others remove
// again before the file is there.
const maxPlacings = 100

// adopt makes a spool of size bytes the file that r names. The spool's own name
// stays, for those who are about to open it. If there is a sound file already,
// that one stays.
func (d *Disk) adopt(s *spool, r Ref, size int64, modTime time.Time) error {
	name := d.layout.name(r)
	if !d.makeRoom(size) {
		return fmt.Errorf("disk: keep %s: %w", r, errNoRoom)
	}
	reserved := size
	defer func() { d.index.release(reserved) }()
	fail := func(err error) error { return fmt.Errorf("disk: keep %s: %w", r, err) }
	if err := d.root.Chtimes(s.name, time.Now(), modTime); err != nil {
		return fail(err)
	}
	if err := s.file.Sync(); err != nil {
		return fail(err)
	}
	placed, err := d.place(s.name, name, r)
	if err != nil {
		return fail(err)
	}
	if !placed {
		return nil // the first save wins
	}
	d.index.add(name, size, time.Now(), true)
	d.index.release(reserved)
	reserved = 0 // before the disk's slowest part
	return d.syncDir(path.Dir(name))
}

// place gives a spool its name in the tree, also where a file stands that is
// not whole. A sound file stays; then place reports false.
func (d *Disk) place(spool, name string, r Ref) (placed bool, err error) {
	for range maxPlacings {
		err = d.publish(spool, name)
		if !errors.Is(err, fs.ErrExist) {
			return err == nil, err
		}
		if o, err := d.Open(context.Background(), r); err == nil {
			return false, o.Body.Close()
		}
		err = d.root.Rename(spool, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return err == nil, err
		}
		// The file was deleted while we looked at it, and its directory too.
	}
	return false, fmt.Errorf("file %s does not stay", name)
}

// publish gives a spool its name in the tree, unless that name is taken.
func (d *Disk) publish(spool, name string) error {
	dir := path.Dir(name)
	for range maxPlacings {
		made, err := d.makeDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // as below
		}
		if err != nil {
			return err
		}
		err = d.root.Link(spool, name)
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EMLINK) {
			// A file system without hard links. Two processes that share it
			// may now replace each other's file by an equal one.
			if _, err = d.root.Lstat(name); err == nil {
				return fs.ErrExist
			}
			err = d.root.Rename(spool, name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // an eviction removed the empty directory under us
		}
		if err == nil && made {
			return d.syncDir(path.Dir(dir))
		}
		return err
	}
	return fmt.Errorf("directory %s does not stay", dir)
}

// makeDir makes dir and reports whether it was missing.
func (d *Disk) makeDir(dir string) (bool, error) {
	if info, err := d.root.Stat(dir); err == nil && info.IsDir() {
		return false, nil
	}
	return true, d.root.MkdirAll(dir, 0o777)
}

// syncDir makes the names in dir durable.
func (d *Disk) syncDir(dir string) error {
	f, err := d.root.Open(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // evicted meanwhile
		}
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
