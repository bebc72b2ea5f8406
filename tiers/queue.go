package tiers

import (
	"container/heap"
	"context"
	"fmt"
	"hash/maphash"
	"io/fs"
	"log/slog"
	"math/rand/v2"
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
	place    int  // in the schedule
	tries    int  // that failed in a row
	busy     bool // a worker has it
	grew     bool // while it was busy
	verified bool
	unwanted bool // it was cancelled while it was busy
	saved    bool // and out of the queue
	waiters  []chan error
	early    int // how many of waiters came before a worker took it
}

const (
	firstPause  = time.Second // between a save that failed and the next
	longest     = time.Minute
	unknownUpTo = 6 // saves of a version that the checksum database does not know
)

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

// add makes durable that these stores lack v, and pins v's files. It is called
// before the file shows on disk: after a crash the queue may name what the disk
// lacks, but the disk holds nothing that the queue missed. It reports whether v
// has not waited before.
func (q *Queue) add(v module.Version, whole bool, stores []string) (fresh bool, err error) {
	mu := q.order(v)
	mu.Lock()
	defer mu.Unlock()
	e, news := q.merged(v, whole, stores)
	if news {
		if err := q.stack.Disk.writeEntry(e); err != nil {
			return false, fmt.Errorf("queue: add %s: %w", v, err)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.waiting[v]
	if fresh = w == nil; fresh {
		w = &waiting{due: e.Added}
		q.waiting[v] = w
		q.came = append(q.came, w)
		heap.Push(&q.due, w)
		q.stack.Disk.index.pin(q.stack.Disk.layout.dir(v), 0)
	}
	if news {
		w.entry, w.verified, w.grew, w.unwanted = e, false, w.busy, false
	}
	q.change()
	return fresh, nil
}

// addComing is add for files that somebody else puts on disk, and who then calls
// arrived. Until then no worker looks for them.
func (q *Queue) addComing(v module.Version, whole bool, stores []string) error {
	q.mu.Lock()
	q.coming[v]++
	q.mu.Unlock()
	_, err := q.add(v, whole, stores)
	if err != nil {
		q.arrived(v)
	}
	return err
}

// arrived ends what addComing began.
func (q *Queue) arrived(v module.Version) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.coming[v]--; q.coming[v] > 0 {
		return
	}
	delete(q.coming, v)
	if w := q.waiting[v]; w != nil && !w.busy {
		w.due = w.Added
		heap.Fix(&q.due, w.place)
		q.change()
	}
}

// cancel takes v out of the queue if none of its files have come to lie on disk.
func (q *Queue) cancel(v module.Version) {
	mu := q.order(v)
	mu.Lock()
	defer mu.Unlock()
	q.mu.Lock()
	w := q.waiting[v]
	if w == nil || w.busy || w.size > 0 {
		if w != nil {
			w.unwanted = true
		}
		q.mu.Unlock()
		return
	}
	heap.Remove(&q.due, w.place)
	q.out(w)
	q.mu.Unlock()
	if err := q.stack.Disk.removeEntry(v); err != nil {
		q.Log.Warn("an entry of the queue stays", "version", v, "err", err) // it will find nothing
	}
}

func (q *Queue) order(v module.Version) *sync.Mutex {
	return &q.adding[maphash.Comparable(q.seed, v)%uint64(len(q.adding))]
}

// merged returns what v's entry is to be, and whether that is not written yet.
func (q *Queue) merged(v module.Version, whole bool, stores []string) (entry, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w := q.waiting[v]; w != nil {
		return w.entry.merge(whole, stores)
	}
	return entry{v.Path, v.Version, whole, stores, time.Now()}, true
}

// measure counts what there is of v, which waits, on disk now.
func (q *Queue) measure(v module.Version) {
	size := q.stack.Disk.sizeOf(v)
	q.mu.Lock()
	defer q.mu.Unlock()
	if w := q.waiting[v]; w != nil {
		q.bytes += size - w.size
		w.size = size
		q.stack.Disk.index.pin(q.stack.Disk.layout.dir(v), size)
	}
}

// change wakes who waits for a change. The caller holds mu.
func (q *Queue) change() {
	if q.changed != nil {
		close(q.changed)
		q.changed = nil
	}
}

// Wake saves all that waits at once, such as when a store has come back.
func (q *Queue) Wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range q.due {
		w.due, w.tries = w.Added, 0
	}
	heap.Init(&q.due)
	q.change()
}

// through reports whether a fill is to wait for its save.
func (q *Queue) through() bool {
	if q.Through {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.Size > 0 && q.bytes > q.Size || q.Age > 0 && time.Since(q.oldest()) > q.Age
}

// wait lets v be saved next, and waits for that. If it does not come to pass in
// time, v goes on waiting in the queue.
func (q *Queue) wait(ctx context.Context, v module.Version) error {
	done := make(chan error, 1)
	q.mu.Lock()
	w := q.waiting[v]
	if w == nil || q.closed {
		q.mu.Unlock()
		return nil // it is saved already
	}
	w.waiters = append(w.waiters, done)
	if !w.busy {
		w.due = time.Time{}
		heap.Fix(&q.due, w.place)
	}
	q.change()
	q.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, q.Wait)
	defer cancel()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the save of %s: %w", v, context.Cause(ctx))
	}
}

// run saves what is due, until ctx is over.
func (q *Queue) run(ctx context.Context) {
	for {
		w, now, later, changed := q.take()
		if w != nil {
			o := q.save(ctx, now)
			if ctx.Err() == nil {
				q.tell(now.module(), o)
			}
			q.finish(w, o)
			continue
		}
		timer := time.NewTimer(later)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// take returns the entry that has been due for longest, and how it is now; or
// how long to wait for one, and what to wait on meanwhile.
func (q *Queue) take() (w *waiting, now waiting, later time.Duration, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	later = time.Hour
	for len(q.due) > 0 && !q.closed {
		if later = time.Until(q.due[0].due); later > 0 {
			break
		}
		if w = q.due[0]; q.coming[w.module()] > 0 {
			w.due = time.Now().Add(firstPause)
			heap.Fix(&q.due, 0)
			continue
		}
		heap.Pop(&q.due)
		w.busy, w.grew, w.early = true, false, len(w.waiters)
		return w, *w, 0, nil
	}
	return nil, now, later, q.next()
}

// next returns a channel that is closed at the next change. The caller holds mu.
func (q *Queue) next() <-chan struct{} {
	if q.changed == nil {
		q.changed = make(chan struct{})
	}
	return q.changed
}

// finish takes w out of the queue if no store is left that lacks it, and else
// lets it wait again.
func (q *Queue) finish(w *waiting, o outcome) {
	v := w.module()
	mu := q.order(v)
	mu.Lock()
	defer mu.Unlock()
	q.mu.Lock()
	w.busy = false
	answered := w.waiters
	if w.grew && o.err == nil {
		answered = w.waiters[:w.early] // the others wait for what is not saved yet
	}
	w.waiters = slices.Clone(w.waiters[len(answered):])
	for _, done := range answered {
		done <- o.err
	}
	e := w.entry
	done := !w.grew && (len(o.left) == 0 || o.err != nil && w.unwanted && w.size == 0)
	switch {
	case done:
		q.out(w)
	case w.grew:
		w.tries, w.due = 0, time.Now()
	case o.err == nil: // these stores want it whole
		w.Stores, w.Whole, w.verified = o.left, true, false
		w.tries, w.due = 0, time.Now()
	default:
		w.Stores, w.verified = o.left, o.verified
		w.tries++
		w.due = time.Now().Add(pause(w.tries))
	}
	news := !done && (len(w.Stores) != len(e.Stores) || w.Whole != e.Whole)
	if !done {
		e = w.entry
		heap.Push(&q.due, w)
	}
	q.change()
	q.mu.Unlock()
	var err error
	if done {
		err = q.stack.Disk.removeEntry(v)
	} else if news {
		err = q.stack.Disk.writeEntry(e)
	} else {
		return
	}
	if err != nil {
		q.Log.Warn("an entry of the queue is not up to date, which costs a save that finds all there", "version", v, "err", err)
	}
}

// remove takes v out of the queue, once no worker is busy with it.
func (q *Queue) remove(ctx context.Context, v module.Version) error {
	for {
		mu := q.order(v)
		mu.Lock()
		q.mu.Lock()
		w, changed := q.waiting[v], q.next()
		if w == nil {
			q.mu.Unlock()
			mu.Unlock()
			return nil
		}
		if !w.busy {
			heap.Remove(&q.due, w.place)
			q.out(w)
			for _, done := range w.waiters {
				done <- fs.ErrNotExist
			}
			q.change()
			q.mu.Unlock()
			err := q.stack.Disk.removeEntry(v)
			mu.Unlock()
			return err
		}
		q.mu.Unlock()
		mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the save of %s to end: %w", v, context.Cause(ctx))
		}
	}
}

// out forgets w, which waits no longer. The caller holds mu.
func (q *Queue) out(w *waiting) {
	w.saved = true
	delete(q.waiting, w.module())
	q.bytes -= w.size
	q.stack.Disk.index.unpin(q.stack.Disk.layout.dir(w.module()))
}

// whole returns the versions that wait with all their files, sorted by name.
func (q *Queue) whole() []module.Version {
	q.mu.Lock()
	defer q.mu.Unlock()
	var vs []module.Version
	for v, w := range q.waiting {
		if w.Whole {
			vs = append(vs, v)
		}
	}
	slices.SortFunc(vs, func(a, b module.Version) int { return strings.Compare(a.String(), b.String()) })
	return vs
}

// pause returns how long to wait after tries failures.
func pause(tries int) time.Duration {
	d := min(firstPause<<min(tries-1, 10), longest)
	return d/2 + rand.N(d/2) // so that a fleet does not come back as one
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
}

// A schedule is a heap of those that wait, the first due first.
type schedule []*waiting

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].due.Before(s[j].due) }
func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].place, s[j].place = i, j
}

func (s *schedule) Push(x any) {
	w := x.(*waiting)
	w.place = len(*s)
	*s = append(*s, w)
}

func (s *schedule) Pop() any {
	last := len(*s) - 1
	w := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	w.place = -1
	return w
}
