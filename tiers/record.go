package tiers

import (
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

// A Record tells which versions were saved, in the order of time: lines of JSON in
// segments, files below <root>/.modtier/index/ to which lines are only added. It is
// no part of the [Disk]'s index, does not count against the tier's limits, and is
// not evicted, but has a bound of its own: past it the oldest segment goes.
//
// A version is told of once, until its line has gone. What was added is there after
// a crash of the process; a power cut may take what was added in the last second.
//
// Several processes may share a directory. They then have one record.
type Record struct {
	root     *os.Root // of its directory
	full     int64    // bytes of a segment from which on there is a new one
	log      *slog.Logger
	seed     maphash.Seed
	patience time.Duration // with another process that has the lock
	stop     chan struct{} // closed by Close
	read     chan struct{} // closed when what was there at the start is read, or could not be

	mu       sync.Mutex // guards all below and orders the appends: it is held over their I/O
	segments []*segment // oldest first
	last     time.Time  // of the latest line
	syncing  *time.Timer
}

// A Saved is a version and when it was saved.
type Saved struct {
	Path, Version string
	Timestamp     time.Time // in UTC, in microseconds; no two of a Record are equal
}

const (
	recordDir   = ownDir + "/index"
	recordSize  = 128 << 20 // some million versions
	maxSegments = 16
	syncPause   = time.Second

	// lockPatience is many times what a process has the lock for. One that was
	// stopped meanwhile must not hold up the fills of others.
	lockPatience = 5 * time.Second
)

// OpenRecord opens the record on d of at most size bytes; 0 is 128 MiB. It returns
// at once; what is there is read in the background, which the first to add or to
// read waits for. A record is closed before its disk.
func (d *Disk) OpenRecord(size int64) (*Record, error) {
	if size <= 0 {
		size = recordSize
	}
	if err := d.root.MkdirAll(recordDir, 0o777); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	root, err := d.root.OpenRoot(recordDir)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r := &Record{
		root:     root,
		full:     size / maxSegments,
		log:      d.log,
		seed:     maphash.MakeSeed(),
		patience: lockPatience,
		stop:     make(chan struct{}),
		read:     make(chan struct{}),
	}
	r.mu.Lock() // until all is read
	go func() {
		defer close(r.read)
		defer r.mu.Unlock()
		if err := r.alone(r.mend); err != nil && !errors.Is(err, errClosed) {
			r.log.Error("the record of what was saved cannot be read, and is not added to until it can", "err", err)
		}
	}()
	return r, nil
}

// Close gives up the directory.
func (r *Record) Close() error {
	close(r.stop)
	<-r.read
	r.sync()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.root.Close()
}

// Add adds v, unless it is there. A clock that was put back makes the next lines
// follow upon the last one by a microsecond each, until it has caught up.
func (r *Record) Add(v module.Version) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.has(v) {
		return nil
	}
	err := r.alone(func() error {
		if err := r.mend(); err != nil || r.has(v) { // another process may have added it
			return err
		}
		at := time.Now().UTC().Truncate(time.Microsecond)
		if !at.After(r.last) {
			at = r.last.Add(time.Microsecond)
		}
		return r.append(Saved{v.Path, v.Version, at})
	})
	if err != nil {
		return fmt.Errorf("record: add %s: %w", v, err)
	}
	return nil
}

// has reports whether there is a line of v. The caller holds mu.
func (r *Record) has(v module.Version) bool {
	hash := maphash.Bytes(r.seed, lineOf(v))
	for _, s := range r.segments {
		if s.has(hash) {
			return true
		}
	}
	return false
}

// append writes a line behind the others. The caller is alone.
func (r *Record) append(s Saved) error {
	line := s.line()
	if len(line) > maxLine {
		return errors.New("longer than a line may be")
	}
	n := len(r.segments)
	if n == 0 || r.segments[n-1].sealed() || r.segments[n-1].end+int64(len(line)) > r.full {
		if err := r.begin(s.Timestamp); err != nil {
			return err
		}
		n = len(r.segments)
	}
	to := r.segments[n-1]
	f, err := r.root.OpenFile(to.name, os.O_WRONLY, 0)
	if err != nil {
		return absentSegment(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(line, to.end); err != nil {
		return err // what was written of it is cut off before the next line
	}
	to.end += int64(len(line))
	to.seen[r.hash(line)] = struct{}{}
	r.last = s.Timestamp
	if r.syncing == nil {
		r.syncing = time.AfterFunc(syncPause, r.sync)
	}
	return nil
}

// sync makes what was added durable.
func (r *Record) sync() {
	names := []string{"."}
	r.mu.Lock()
	due := r.syncing != nil
	if due {
		r.syncing.Stop()
		r.syncing = nil
	}
	if n := len(r.segments); n > 0 { // else somebody has removed them
		names = append(names, r.segments[n-1].name)
	}
	r.mu.Unlock()
	if !due {
		return
	}
	for _, name := range names { // without mu: it is slow, and lines may be added meanwhile
		if err := r.syncFile(name); err != nil && !errors.Is(err, os.ErrClosed) {
			r.log.Warn("what was recorded last may not outlive a power cut", "err", err)
			return
		}
	}
}

func (r *Record) syncFile(name string) error {
	f, err := r.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// alone does something while no other process does, nor anybody here: the caller
// holds mu.
func (r *Record) alone(do func() error) error {
	f, err := r.root.OpenFile("lock", os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return absentSegment(err)
	}
	defer f.Close()
	if !lockWithin(f, r.patience) {
		return fmt.Errorf("another process has had its lock for %v", r.patience)
	}
	return do()
}

// absentSegment makes of the absence of a file of ours an error like others: it is
// no module file that is absent.
func absentSegment(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New(err.Error())
	}
	return err
}

// record tells of v, of which all files are saved.
func (s *Stack) record(v module.Version) {
	if s.Record == nil {
		return
	}
	if err := s.Record.Add(v); err != nil {
		s.Log.Warn("a version is saved, and the record does not tell of it", "version", v.String(), "err", err)
	}
}
