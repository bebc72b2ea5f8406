package tiers

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

// A spoolDir is where this process writes files that have no name in the tree
// yet: <root>/.modtier/spool/<random>/. A lock file in it, held until the
// process ends however it ends, tells the next one that its rest is garbage.
type spoolDir struct {
	next atomic.Uint64
	owed atomic.Int64 // bytes that spools were announced to get and have not

	mu   sync.Mutex // guards what follows, and is held while the directory is made
	dir  string
	lock *os.File
}

const spoolParent = ownDir + "/spool"

// open makes this process' directory and removes those of dead processes.
func (s *spoolDir) open(root *os.Root) error {
	if err := root.MkdirAll(spoolParent, 0o777); err != nil {
		return err
	}
	names, err := fs.ReadDir(root.FS(), spoolParent)
	if err != nil {
		return err
	}
	for _, e := range names {
		if !e.IsDir() {
			continue
		}
		if err := removeDead(root, spoolParent+"/"+e.Name()); err != nil {
			return err
		}
	}
	for range 8 {
		dir := spoolParent + "/" + rand.Text()
		if err := root.Mkdir(dir, 0o777); err != nil {
			return err
		}
		f, err := root.OpenFile(dir+"/lock", os.O_RDWR|os.O_CREATE, 0o666)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process that just started took it for dead
		}
		if err != nil {
			return err
		}
		lock(f) // waits for a process that takes it for dead to have removed it
		if _, err := root.Lstat(dir + "/lock"); err == nil {
			s.dir, s.lock = dir, f
			return nil
		}
		f.Close()
	}
	return errors.New("other processes keep removing this one's spool directory")
}

// removeDead removes dir, unless a live process spools in it.
func removeDead(root *os.Root, dir string) error {
	f, err := root.Open(dir + "/lock")
	if errors.Is(err, fs.ErrNotExist) {
		// Its process died before it made the lock, or is about to make it.
		root.Remove(dir) // fails if it has one now
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() // not before all is removed
	if !tryLock(f) {
		return nil
	}
	return removeSpools(root, dir)
}

// removeSpools removes dir, of which the caller has the lock. The lock goes
// last, so that whoever finds none finds nothing else either.
func removeSpools(root *os.Root, dir string) error {
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if e.Name() == "lock" {
			continue
		}
		if err := root.RemoveAll(dir + "/" + e.Name()); err != nil {
			return err
		}
	}
	for _, name := range []string{dir + "/lock", dir} {
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (s *spoolDir) close(root *os.Root) error {
	return errors.Join(removeSpools(root, s.dir), s.lock.Close())
}

// create creates an empty file. If somebody has removed the directory, as one who
// clears a cache may, it is made anew.
func (s *spoolDir) create(root *os.Root) (f *os.File, name string, err error) {
	for range 2 {
		s.mu.Lock()
		dir := s.dir
		s.mu.Unlock()
		name = dir + "/" + strconv.FormatUint(s.next.Add(1), 36)
		f, err = root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, name, err
		}
		if err = s.renew(root, dir); err != nil {
			break
		}
	}
	return nil, "", fmt.Errorf("spooling: %v", err) // it is no module file that is absent
}

// renew makes another directory in place of dir, which is gone, unless that is done.
func (s *spoolDir) renew(root *os.Root, dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir != dir {
		return nil
	}
	old := s.lock
	if err := s.open(root); err != nil {
		return err
	}
	return old.Close()
}

// A spool is a file under construction.
type spool struct {
	disk *Disk
	name string
	file *os.File
	owed int64 // its part of what all spools are
}

// newSpool begins a file of size bytes, or -1 if that is not known. Its error
// matches errNoRoom if the file system has less than that to spare beside what other
// spools are to get: of a file that stops half-way its clients have the beginning.
func (d *Disk) newSpool(size int64) (_ *spool, err error) {
	s := &spool{disk: d}
	if d.lacking() > 0 || size > 0 {
		d.makeRoom(0)
		free, err := freeSpace(d.root.Name())
		if err == nil && !s.reserve(max(size, 0), free) {
			return nil, fmt.Errorf("%w: %d bytes free in the file system, of which %d are taken", errNoRoom, free, d.spools.owed.Load())
		}
	}
	if s.file, s.name, err = d.spools.create(d.root); err != nil {
		s.pay(s.owed)
		return nil, err
	}
	return s, nil
}

// reserve takes size of the free bytes, if there are more.
func (s *spool) reserve(size, free int64) bool {
	for {
		owed := s.disk.spools.owed.Load()
		if free-owed <= size {
			return false
		}
		if s.disk.spools.owed.CompareAndSwap(owed, owed+size) {
			s.owed = size
			return true
		}
	}
}

// pay gives n bytes back, of those that s was to get: they are written, or never will be.
func (s *spool) pay(n int64) {
	n = min(n, s.owed)
	s.owed -= n
	s.disk.spools.owed.Add(-n)
}

func (s *spool) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.pay(int64(n))
	return n, err
}

// empty makes s as it was when it was new.
func (s *spool) empty() error {
	if err := s.file.Truncate(0); err != nil {
		return err
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return err
}

// agrees reads the first n bytes of body, and returns an error unless they are
// those of s.
func (s *spool) agrees(body io.Reader, n int64) error {
	if n == 0 {
		return nil
	}
	buf := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buf)
	theirs, ours := buf[:copyBuffer/2], buf[copyBuffer/2:]
	for off := int64(0); off < n; {
		part := min(n-off, int64(len(theirs)))
		if _, err := io.ReadFull(body, theirs[:part]); err != nil {
			return err
		}
		if _, err := s.file.ReadAt(ours[:part], off); err != nil {
			return err
		}
		if !bytes.Equal(theirs[:part], ours[:part]) {
			return errOther
		}
		off += part
	}
	return nil
}

// discard ends the spool, if it is not nil. Who has it open may read on.
func (s *spool) discard() {
	if s == nil {
		return
	}
	s.pay(s.owed)
	s.file.Close()
	if err := s.disk.root.Remove(s.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.disk.log.Warn("removing a spool", "file", s.name, "err", err)
	}
}
