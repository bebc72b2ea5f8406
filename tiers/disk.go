package tiers

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"log/slog"
	"os"
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

	left []entry // of the queue, as an earlier process left it

	evicting sync.Mutex // held while files go for the sake of the file system

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

	// Evicted is called for each file evicted, with the reason, "size" or
	// "space", and with the time since its last use, which may be up to ten
	// minutes too long. It may be nil.
	Evicted func(reason string, age time.Duration)
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
		return nil, fmt.Errorf("disk: %s must be writable, even to serve only what is there: %w", dir, err)
	}
	if d.layout.escape, err = foldsCase(root, d.spools.dir); err != nil {
		d.spools.close(root)
		root.Close()
		return nil, fmt.Errorf("disk: %w", err)
	}
	// What waits for a save is pinned before anything can be evicted.
	if d.left, err = d.readEntries(); err != nil {
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
			d.log.WarnContext(ctx, "a file on disk is not whole and counts as a miss", "file", name, "err", err)
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
	if _, err := s.Write(b); err != nil {
		return fmt.Errorf("disk: put %s: %w", r, err)
	}
	if err := checkSound(r, s.file, int64(len(b))); err != nil {
		return fmt.Errorf("disk: put %s: %w", r, err)
	}
	return d.adopt(s, r, int64(len(b)), modTime)
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

// Floor returns how many bytes of the file system the tier leaves free; 0 is none.
func (d *Disk) Floor() int64 { return d.limits.Free }

// FileSystem returns how many bytes are free in the file system that the tier lies
// in, and how many it has. The error matches errors.ErrUnsupported if this system
// does not tell.
func (d *Disk) FileSystem() (free, size int64, err error) { return fileSystem(d.root.Name()) }
