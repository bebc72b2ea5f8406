package tiers

import (
	"container/heap"
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/module"
)

// A Queue carries versions to the stores that lack them. What waits is named by
// small files on the disk tier, so that the next process goes on where this one
// ends, and is not evicted.
//
// Fill in the exported fields before first use; [Stack.Start] starts it.
type Queue struct {
	Workers int           // most saves at once; 0 is 8
	Size    int64         // bytes waiting from which on fills wait for their saves; 0 is no limit
	Age     time.Duration // age of the oldest from which on they do so; 0 is no limit
	Through bool          // they always do
	Wait    time.Duration // the longest that a fill waits for its save; 0 is 30 seconds
	Verify  *Verifier     // nil verifies nothing
	Log     *slog.Logger  // nil is slog.Default

	stack     *Stack
	recovered int
	seed      maphash.Seed
	// adding orders the writing of an entry's file, chosen by the version's hash.
	// It is held over the I/O, and taken before mu.
	adding [64]sync.Mutex

	mu      sync.Mutex // guards all below
	waiting map[module.Version]*waiting
	coming  map[module.Version]int // files that are about to be put on disk
	due     schedule               // of those that are not busy
	came    []*waiting             // in the order in which they came; those at its front may be saved
	parked  int                    // entries of an earlier process for stores that are no more
	bytes   int64                  // of the files of all that wait
	closed  bool
	changed chan struct{} // closed at the next change; nil if nobody waits for it
	work    sync.WaitGroup
	stop    context.CancelFunc
}

// A waiting entry is one of the queue, in memory. The queue's mu guards it.
type waiting struct {
	entry
	size     int64
	due      time.Time
	place    int   // in the schedule
	tries    int   // that failed in a row
	err      error // of the last try
	busy     bool  // a worker has it
	grew     bool  // while it was busy
	verified bool
	cause    any     // of the save, for who watches; nil if that is not known
	unwanted bool    // it was cancelled while it was busy
	saved    bool    // and out of the queue
	grips    []*grip // locks to let go of once it is saved, or cannot be
	waiters  []chan error
	early    int // how many of waiters came before a worker took it
}

// start takes over what an earlier process left, and starts the workers.
func (q *Queue) start(s *Stack) {
	if q.Workers <= 0 {
		q.Workers = 8
	}
	if q.Wait <= 0 {
		q.Wait = 30 * time.Second
	}
	if q.Log == nil {
		q.Log = s.Log
	}
	q.stack, q.seed = s, maphash.MakeSeed()
	q.waiting = make(map[module.Version]*waiting)
	q.coming = make(map[module.Version]int)
	gone := make(map[string]int)
	now := time.Now()
	for _, e := range s.Disk.left {
		q.recovered++
		first := e.Stores[0]
		e.Stores = slices.DeleteFunc(e.Stores, func(name string) bool { return s.level(name) < 0 })
		if len(e.Stores) == 0 {
			q.parked++
			gone[first]++
			continue
		}
		w := &waiting{entry: e, size: s.Disk.sizeOf(e.module()), due: now}
		q.waiting[e.module()] = w
		q.came = append(q.came, w)
		q.bytes += w.size
		heap.Push(&q.due, w)
	}
	s.Disk.left = nil
	for name, n := range gone {
		q.Log.Warn("versions wait for a store that is not in the stack any more; they stay on disk", "store", name, "versions", n)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	q.stop = stop
	for range q.Workers {
		q.work.Go(func() { q.run(ctx) })
	}
}

// Close ends the workers and breaks off what they do. All that waits stays on
// disk for the next process.
func (q *Queue) Close() {
	q.mu.Lock()
	q.closed = true
	q.change()
	stop := q.stop
	q.mu.Unlock()
	if stop != nil { // it was started
		stop()
	}
	q.work.Wait()
	var released sync.WaitGroup // at once: a lock service that is silent is waited for, for each lock
	q.mu.Lock()
	for _, w := range q.waiting {
		released.Go(q.ungrip(w))
	}
	q.mu.Unlock()
	released.Wait()
}

// drain waits until nothing waits for a save any more, or ctx is over.
func (q *Queue) drain(ctx context.Context) error {
	for {
		q.mu.Lock()
		n, closed, changed := len(q.waiting), q.closed, q.next()
		q.mu.Unlock()
		if n == 0 {
			return nil
		}
		err := errClosed
		if !closed {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		}
		return fmt.Errorf("%d versions wait for a save, which comes after the next start: %w", n, err)
	}
}

// attempt waits until all that waits now has been tried, or ctx is over.
func (q *Queue) attempt(ctx context.Context) {
	for {
		q.mu.Lock()
		fresh := false
		for _, w := range q.waiting {
			if w.tries == 0 {
				fresh = true
				break
			}
		}
		changed := q.next()
		if q.closed {
			fresh = false
		}
		q.mu.Unlock()
		if !fresh {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// Versions returns how many versions wait.
func (q *Queue) Versions() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) + q.parked
}

// Bytes returns how many bytes of files wait.
func (q *Queue) Bytes() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// Oldest returns for how long the oldest has waited; 0 if none waits.
func (q *Queue) Oldest() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return 0
	}
	return time.Since(q.oldest())
}

// oldest returns when the oldest came. The caller holds mu.
func (q *Queue) oldest() time.Time {
	for len(q.came) > 0 {
		if !q.came[0].saved {
			return q.came[0].Added
		}
		q.came[0] = nil
		q.came = q.came[1:]
	}
	return time.Now()
}

// Recovered returns how many versions an earlier process left.
func (q *Queue) Recovered() int { return q.recovered }

// whole returns the versions that wait for a store with all their files, sorted by name.
func (q *Queue) whole(store string) []module.Version {
	q.mu.Lock()
	defer q.mu.Unlock()
	var vs []module.Version
	for v, w := range q.waiting {
		if w.Whole && slices.Contains(w.Stores, store) {
			vs = append(vs, v)
		}
	}
	slices.SortFunc(vs, func(a, b module.Version) int { return strings.Compare(a.String(), b.String()) })
	return vs
}

// next returns a channel that is closed at the next change. The caller holds mu.
func (q *Queue) next() <-chan struct{} {
	if q.changed == nil {
		q.changed = make(chan struct{})
	}
	return q.changed
}

// change wakes who waits for a change. The caller holds mu.
func (q *Queue) change() {
	if q.changed != nil {
		close(q.changed)
		q.changed = nil
	}
}
