package tiers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/mod/module"
	"golang.org/x/sync/semaphore"

	"github.com/modtier/modtier/locks"
)

// maxPromoted is the largest file, in bytes, that is copied to faster caches
// than the one that has it, and only an info or a go.mod is. Zips stay on disk,
// where the page cache and sendfile serve them better than the heap could.
const maxPromoted = 256 << 10

// A Stack is a Store made of tiers. Fill in the exported fields before first
// use.
type Stack struct {
	Caches   []Cache       // fastest first; the last one is Disk
	Disk     *Disk         // where fills are spooled; never nil
	Stores   []Level       // fastest first; nil for an edge
	Upstream Source        // nil when offline
	Locker   locks.Locker  // guards what is dear, an upstream's zip; nil is none
	LockWait time.Duration // the longest that a fill waits for its lock; 0 is 10 seconds
	Peers    Peers         // read what a lock's holder is filling; nil is nobody
	Queue    *Queue        // carries fills to the stores; nil if these are only read
	Fills    int64         // most fills from Upstream at once; 0 is 256
	Timeout  time.Duration // bound on one fill; 0 is 10 minutes
	Record   *Record       // told of each version saved; nil is nobody
	Watch    Watch         // sees fills and saves from their start; zero is nobody
	Log      *slog.Logger  // nil is slog.Default

	// Filled is called after each fill with the context of its work, which is over.
	// It may be nil.
	Filled func(context.Context, Fill)

	once sync.Once
	sem  *semaphore.Weighted
	life context.Context // of what is done beside and may be broken off
	end  context.CancelFunc

	mu        sync.Mutex // guards all below
	flights   map[Ref]*flight
	working   int           // goroutines of ours, such as fills
	idle      chan struct{} // closed once none works; nil if nobody waits for that
	collapsed int64
	suspects  *simplelru.LRU[module.Version, struct{}]
}

// A Level is a store of a stack, under its name in the configuration, the log
// and the metrics.
type Level struct {
	Name string
	Store
}

// level returns the place of the store of that name, or -1.
func (s *Stack) level(name string) int {
	return slices.IndexFunc(s.Stores, func(l Level) bool { return l.Name == name })
}

// maxSuspects is how many rejected versions are remembered.
const maxSuspects = 4096

func (s *Stack) init() {
	s.once.Do(func() {
		if s.Fills <= 0 {
			s.Fills = 256
		}
		if s.Timeout <= 0 {
			s.Timeout = 10 * time.Minute
		}
		if s.Log == nil {
			s.Log = slog.Default()
		}
		s.sem = semaphore.NewWeighted(s.Fills)
		s.life, s.end = context.WithCancel(context.Background())
		s.mu.Lock() // Filling may be called before the first Open
		s.flights = make(map[Ref]*flight)
		s.suspects, _ = simplelru.NewLRU[module.Version, struct{}](maxSuspects, nil) // fails only for 0
		s.mu.Unlock()
		if s.Queue != nil {
			s.Queue.start(s)
		}
	})
}

// Start starts the saving of what an earlier process left in the queue. The
// other methods do so too.
func (s *Stack) Start() { s.init() }

// Open opens the file that r names, from the fastest tier that has it. If none
// cache has it, Open returns as soon as the fastest store that has it, or else the
// upstream, begins to answer; the Object's Body then follows the fill.
func (s *Stack) Open(ctx context.Context, r Ref) (*Object, error) {
	s.init()
	o, sick := s.lookup(ctx, r)
	if o != nil {
		return o, nil
	}
	if s.Upstream == nil && len(s.Stores) == 0 {
		if sick != nil {
			return nil, sick // what it holds is not known
		}
		return nil, fs.ErrNotExist
	}
	f, leader := s.join(ctx, r)
	o, err := f.follow(ctx)
	if !leader {
		s.Watch.joined(ctx, f)
	}
	f.leave()
	if err == errLanded {
		if o, err = s.Disk.Open(ctx, r); err != nil {
			err = errNoSpool // it was there, so this is no absence
		}
	}
	if errors.Is(err, errNoSpool) {
		// Better served and not kept than not served.
		o, err = s.direct(ctx, r)
	} else if err == nil {
		o.Collapsed = !leader
	}
	if errors.Is(err, fs.ErrNotExist) && sick != nil {
		return nil, fmt.Errorf("the upstream lacks it, but %w", sick)
	}
	return o, err
}

// lookup asks the caches. If none has the file, sick is the last error of one
// that could not be asked, for absence needs unanimity.
func (s *Stack) lookup(ctx context.Context, r Ref) (o *Object, sick error) {
	for i, c := range s.Caches {
		o, err := c.Open(ctx, r)
		if err == nil && i > 0 && promotable(r, o.Size) {
			o, err = s.promote(ctx, r, o, i)
		}
		if err == nil {
			return o, nil
		}
		if err != fs.ErrNotExist && !errors.Is(err, fs.ErrNotExist) {
			s.Log.WarnContext(ctx, "a cache could not be asked; asking the next tier", "err", err)
			sick = err
		}
	}
	return nil, sick
}

func promotable(r Ref, size int64) bool {
	return r.Kind != Zip && size >= 0 && size <= maxPromoted
}

// promote copies o, which the cache at level has, to the faster ones.
func (s *Stack) promote(ctx context.Context, r Ref, o *Object, level int) (*Object, error) {
	defer o.Body.Close()
	b := make([]byte, o.Size)
	if _, err := io.ReadFull(o.Body, b); err != nil {
		return nil, fmt.Errorf("%s: read %s: %w", o.Tier, r, err)
	}
	s.put(ctx, r, b, o.ModTime, level)
	return NewObject(b, o.ModTime, o.Tier), nil
}

// put keeps b in the caches above level.
func (s *Stack) put(ctx context.Context, r Ref, b []byte, modTime time.Time, level int) {
	for _, c := range s.Caches[:level] {
		if err := c.Put(ctx, r, b, modTime); err != nil {
			s.Log.WarnContext(ctx, "a cache does not keep a file", "err", err) // it is served all the same
		}
	}
	// The file may have been rejected since it was read, and forgotten before it
	// was put. A suspect is served from disk, where it is verified first.
	if s.suspect(r.Module()) {
		for _, c := range s.Caches[:level] {
			if err := c.Delete(ctx, r.Module()); err != nil && !errors.Is(err, fs.ErrNotExist) {
				s.Log.ErrorContext(ctx, "a version that was rejected may stay in a cache", "version", r.Module(), "err", err)
			}
		}
	}
}

// join returns the flight that fills r, and begins one if there is none.
func (s *Stack) join(ctx context.Context, r Ref) (f *flight, leader bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f = s.filling(r); f != nil {
		return f, false
	}
	// The first one counts before the fill begins, which may be over in no time.
	f = &flight{ref: r, start: time.Now().Truncate(time.Microsecond), size: -1, followers: 1, holders: 2}
	s.flights[r] = f
	// The fill belongs to all who want the file, so the first one's leaving
	// must not end it.
	s.work(func() { s.fill(context.WithoutCancel(ctx), f) })
	return f, true
}

// joinIfFilling returns the flight that fills r, or nil.
func (s *Stack) joinIfFilling(r Ref) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.filling(r)
}

// filling joins the flight that fills r, if there is one. The caller holds mu.
func (s *Stack) filling(r Ref) *flight {
	f := s.flights[r]
	if f == nil {
		return nil
	}
	s.collapsed++
	f.mu.Lock()
	defer f.mu.Unlock()
	f.followers++
	f.holders++
	return f
}

// Filling returns how many fills are in flight.
func (s *Stack) Filling() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.flights)
}

// Collapsed returns how many requests have joined another one's fill.
func (s *Stack) Collapsed() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.collapsed
}

// Drain waits until no fill is in flight and nothing waits for a save. Nobody
// may call Open any more.
func (s *Stack) Drain(ctx context.Context) error {
	if err := s.landed(ctx); err != nil || s.Queue == nil {
		return err
	}
	return s.Queue.drain(ctx)
}

// Flush waits until no fill is in flight, and until all that waits for a save has
// been tried once more. What then still waits is left to the next process; how much
// that is, the error says. Nobody may call Open any more.
func (s *Stack) Flush(ctx context.Context) error {
	if err := s.landed(ctx); err != nil || s.Queue == nil {
		return err
	}
	s.Queue.Wake()
	s.Queue.attempt(ctx)
	if n := s.Queue.Versions(); n > 0 {
		return fmt.Errorf("%d versions wait for a save, which comes after the next start", n)
	}
	return nil
}

// landed waits until no fill is in flight, and breaks off what is done beside. The
// queue may begin one meanwhile.
func (s *Stack) landed(ctx context.Context) error {
	s.init()
	s.end()
	s.mu.Lock()
	if s.working == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// beside does something that landed waits for, and the caller does not.
func (s *Stack) beside(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.work(do)
}

// work is beside for who holds mu.
func (s *Stack) work(do func()) {
	s.working++
	go func() {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.working--; s.working == 0 && s.idle != nil {
				close(s.idle)
				s.idle = nil
			}
		}()
		do()
	}()
}
