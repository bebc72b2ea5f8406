package tiers

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"sync"
	"syscall"
	"time"

	"golang.org/x/mod/module"
)

// ownDir holds all that is ours and not a module file. It is no module path
// (an element may not begin with a dot), so it is in nobody's way.
const ownDir = ".modtier"

// A Disk is the tier on the local file system: a bounded [Cache], or without
// bounds a [Store], in Athens' layout. What Athens left or a person copied there
// is served as it is. All paths are confined to its directory.
//
// Several processes may share a directory; each then counts and evicts by
// itself.
type Disk struct {
	limits DiskLimits
	log    *slog.Logger
	root   *os.Root
	layout layout
	index  *index
	spools spoolDir
	dirs   *dirs
	walked chan struct{} // closed when the index is complete, or given up
	stop   chan struct{} // closed by Close

	// saving holds off other Saves of a version, chosen by its hash, so that
	// racing ones do not end as a version of mixed origin. It is held over the
	// few I/O calls that give finished files their names.
	saving [64]sync.Mutex
	seed   maphash.Seed
}

// DiskLimits say what a disk tier may take up. With neither set the tier is a
// store: it evicts nothing.
type DiskLimits struct {
	Size int64 // most bytes of files kept; 0 is no limit
	Free int64 // bytes of the file system to leave free; 0 is no floor

	// Evicted is called for each file evicted, with the reason: "size" or
	// "space". It may be nil.
	Evicted func(reason string)
}

// OpenDisk opens the disk tier in dir, and makes dir if it is missing. It
// returns at once; what dir holds is counted in the background.
func OpenDisk(dir string, limits DiskLimits, log *slog.Logger) (*Disk, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("disk: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("disk: %w", err)
	}
	d := &Disk{
		limits: limits,
		log:    log,
		root:   root,
		dirs:   newDirs(),
		index:  newIndex(limits.Size > 0 || limits.Free > 0),
		walked: make(chan struct{}),
		stop:   make(chan struct{}),
		seed:   maphash.MakeSeed(),
	}
	if err := d.spools.open(root); err != nil {
		root.Close()
		return nil, fmt.Errorf("disk: %w", err)
	}
	if d.layout.escape, err = foldsCase(root, d.spools.dir); err != nil {
		d.spools.close(root)
		root.Close()
		return nil, fmt.Errorf("disk: %w", err)
	}
	go d.walk()
	return d, nil
}

// foldsCase reports whether the file system takes A and a for one name.
func foldsCase(root *os.Root, dir string) (bool, error) {
	if err := root.WriteFile(dir+"/Case", nil, 0o666); err != nil {
		return false, err
	}
	_, err := root.Stat(dir + "/case")
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Close gives up the directory. Open files stay readable.
func (d *Disk) Close() error {
	close(d.stop)
	<-d.walked
	d.dirs.close()
	return errors.Join(d.spools.close(d.root), d.root.Close())
}

// Open opens the file that r names. A file that cannot be what its name says,
// such as one that a crash cut short, is a miss, and a later fill replaces it.
func (d *Disk) Open(ctx context.Context, r Ref) (*Object, error) {
	name := d.layout.name(r)
	f, info, err := d.open(name)
	if err != nil {
		if err != fs.ErrNotExist {
			err = fmt.Errorf("disk: open %s: %w", r, err)
		}
		return nil, err
	}
	now := time.Now()
	sound, touch := d.index.use(name, info.Size(), now)
	if !sound {
		if err := checkSound(r, f, info.Size()); err != nil {
			f.Close()
			if !errors.Is(err, ErrCorrupt) {
				return nil, fmt.Errorf("disk: read %s: %w", r, err)
			}
			d.log.Warn("a file on disk is not whole and counts as a miss", "file", name, "err", err)
			return nil, fs.ErrNotExist
		}
		d.index.add(name, info.Size(), now, false)
	}
	if touch {
		// Recency must outlive the process. That it cannot be written, say
		// on a directory of another user, costs only the order of eviction.
		_ = d.root.Chtimes(name, now, info.ModTime())
	}
	return &Object{Body: f, Size: info.Size(), ModTime: info.ModTime(), Tier: "disk"}, nil
}

// open opens a regular file. Its error is fs.ErrNotExist itself if there is
// no such file.
func (d *Disk) open(name string) (*os.File, fs.FileInfo, error) {
	f, err := d.dirs.openFile(d.root, name)
	if err != nil {
		if cannotExist(err) {
			if d.index.forget(name, 0) {
				// Somebody else removed it, or it came just now: then it has to
				// be in the index, or it would never be evicted.
				return d.open(name)
			}
			return nil, nil, fs.ErrNotExist
		}
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// cannotExist reports whether err says that there is no file of that name:
// that it is missing, that a file stands where a directory would have to, or
// that the file system has no names so long.
func cannotExist(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}

// Put keeps b as the file that r names.
func (d *Disk) Put(ctx context.Context, r Ref, b []byte, modTime time.Time) error {
	s, err := d.newSpool(int64(len(b)))
	if err != nil {
		return fmt.Errorf("disk: put %s: %w", r, err)
	}
	defer s.discard()
	if _, err := s.file.Write(b); err != nil {
		return fmt.Errorf("disk: put %s: %w", r, err)
	}
	if err := checkSound(r, s.file, int64(len(b))); err != nil {
		return fmt.Errorf("disk: put %s: %w", r, err)
	}
	return d.adopt(s, r, int64(len(b)), modTime)
}

// errNoRoom says that a file was not kept since the limits leave no room.
var errNoRoom = errors.New("no room within the disk tier's limits")

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
	err := d.publish(s.name, name)
	if errors.Is(err, fs.ErrExist) {
		if o, err := d.Open(context.Background(), r); err == nil {
			return o.Body.Close() // the first save wins
		}
		err = d.root.Rename(s.name, name) // over what is not whole
	}
	if err != nil {
		return fail(err)
	}
	d.index.add(name, size, time.Now(), true)
	d.index.release(reserved)
	reserved = 0 // before the disk's slowest part
	return d.syncDir(path.Dir(name))
}

// publish gives a spool its name in the tree, unless that name is taken.
func (d *Disk) publish(spool, name string) error {
	dir := path.Dir(name)
	for range 3 {
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

// makeRoom evicts until incoming more bytes stay within the limits, and
// reserves them until index.release. It reports false, and reserves nothing, if
// they cannot.
func (d *Disk) makeRoom(incoming int64) bool {
	reason, lacking := "size", d.lacking()
	if lacking > 0 {
		reason = "space"
	}
	victims, ok := d.index.reserve(incoming, d.limits.Size, lacking)
	for _, v := range victims {
		d.remove(v.name)
		if d.limits.Evicted != nil {
			d.limits.Evicted(reason)
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

// Delete removes all files of v.
func (d *Disk) Delete(ctx context.Context, v module.Version) error {
	var any bool
	for _, k := range []Kind{Info, Mod, Zip} { // the commit mark first
		name := d.layout.name(Ref{v.Path, v.Version, k})
		info, err := d.root.Lstat(name)
		if err == nil {
			// Forget before Remove, so as not to forget a file that a fill
			// puts there in between.
			d.index.forget(name, info.Size())
			err = d.root.Remove(name)
		}
		if err == nil {
			any = true
		} else if !cannotExist(err) {
			return fmt.Errorf("disk: delete %s: %w", v, err)
		}
	}
	if !any {
		return fs.ErrNotExist
	}
	d.root.Remove(d.layout.dir(v)) // fails if it is not empty
	return nil
}

// Check reports whether the tier can be written.
func (d *Disk) Check(context.Context) error {
	s, err := d.newSpool(-1)
	if err != nil && !errors.Is(err, errNoRoom) { // then it serves, and keeps nothing
		return fmt.Errorf("disk: %w", err)
	}
	s.discard()
	return nil
}

// Usage returns what the tier holds: bytes and files of modules and notes. Until
// the files that were there at the start are counted, it tells less.
func (d *Disk) Usage() (bytes, files int64) {
	bytes, files, _ = d.index.usage()
	return bytes, files
}

// Limit returns the most bytes that the tier keeps; 0 is no limit.
func (d *Disk) Limit() int64 { return d.limits.Size }
