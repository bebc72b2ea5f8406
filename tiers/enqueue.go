package tiers

import (
	"container/heap"
	"context"
	"fmt"
	"hash/maphash"
	"io/fs"
	"sync"
	"time"

	"golang.org/x/mod/module"
)

// add makes durable that these stores lack v, and pins v's files. It is called
// before the file shows on disk: after a crash the queue may name what the disk
// lacks, but the disk holds nothing that the queue missed. It reports whether v
// has not waited before. ctx is of the cause, and bounds nothing.
func (q *Queue) add(ctx context.Context, v module.Version, whole bool, stores []string) (fresh bool, err error) {
	mu := q.order(v)
	mu.Lock()
	defer mu.Unlock()
	e, news := q.merged(v, whole, stores)
	cause := q.stack.Watch.cause(ctx)
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
		w.cause = cause
		w.entry, w.verified, w.grew, w.unwanted = e, false, w.busy, false
	}
	q.change()
	return fresh, nil
}

// hand gives v, which waits, a lock to let go of after the next save.
func (q *Queue) hand(v module.Version, g *grip) {
	q.mu.Lock()
	w := q.waiting[v]
	if w != nil {
		w.grips = append(w.grips, g)
	}
	q.mu.Unlock()
	if w == nil {
		g.release() // it is saved already
	}
}

// addComing is add for files that somebody else puts on disk, and who then calls
// arrived. Until then no worker looks for them.
func (q *Queue) addComing(ctx context.Context, v module.Version, whole bool, stores []string) error {
	q.mu.Lock()
	q.coming[v]++
	q.mu.Unlock()
	_, err := q.add(ctx, v, whole, stores)
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
		q.Log.Warn("an entry of the queue stays", "version", v.String(), "err", err) // it will find nothing
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
	if len(w.grips) > 0 {
		go q.ungrip(w)()
	}
	w.saved = true
	delete(q.waiting, w.module())
	q.bytes -= w.size
	q.stack.Disk.index.unpin(q.stack.Disk.layout.dir(w.module()))
}

// ungrip returns what releases the locks that w has. The caller holds mu, and
// calls it when it does so no more: it asks the lock service.
func (q *Queue) ungrip(w *waiting) func() {
	grips := w.grips
	w.grips = nil
	return func() {
		for _, g := range grips {
			g.release()
		}
	}
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

// merged returns what v's entry is to be, and whether that is not written yet.
func (q *Queue) merged(v module.Version, whole bool, stores []string) (entry, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w := q.waiting[v]; w != nil {
		return w.entry.merge(whole, stores)
	}
	return entry{v.Path, v.Version, whole, stores, time.Now()}, true
}

func (q *Queue) order(v module.Version) *sync.Mutex {
	return &q.adding[maphash.Comparable(q.seed, v)%uint64(len(q.adding))]
}
