package tiers

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/mod/module"
)

const (
	firstPause  = time.Second // between a save that failed and the next
	longest     = time.Minute
	unknownUpTo = 6 // saves of a version that the checksum database does not know
)

// run saves what is due, until ctx is over.
func (q *Queue) run(ctx context.Context) {
	for {
		w, now, later, changed := q.take()
		if w != nil {
			saving, seen := q.stack.Watch.save(ctx, &now)
			o := q.save(saving, now)
			if ctx.Err() == nil {
				q.tell(saving, now.module(), o)
			}
			if seen != nil {
				seen(o.err)
			}
			q.finish(w, now.module(), o)
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

// errZip says why a version waits again that had no zip.
var errZip = errors.New("its zip came meanwhile")

// finish takes w, which is v's, out of the queue if no store is left that lacks it,
// and else lets it wait again.
func (q *Queue) finish(w *waiting, v module.Version, o outcome) {
	mu := q.order(v)
	mu.Lock()
	defer mu.Unlock()
	if o.zipless && q.stack.hasZip(v) {
		o.left, o.err = w.Stores, errZip
	}
	q.mu.Lock()
	// It cannot grow meanwhile, since that takes the order.
	done := !w.grew && (len(o.left) == 0 || o.err != nil && w.unwanted && w.size == 0)
	if done { // on disk too, before anybody is told
		q.mu.Unlock()
		if err := q.stack.Disk.removeEntry(v); err != nil {
			q.Log.Warn("an entry of the queue stays, which costs a save that finds all there", "version", v.String(), "err", err)
		}
		q.mu.Lock()
	}
	w.busy, w.err = false, o.err
	if !w.grew || o.err != nil {
		go q.ungrip(w)() // not here: it asks the lock service, and others wait for the order
	}
	answered := w.waiters
	if w.grew && o.err == nil {
		answered = w.waiters[:w.early] // the others wait for what is not saved yet
	}
	w.waiters = slices.Clone(w.waiters[len(answered):])
	for _, answer := range answered {
		answer <- o.err
	}
	e := w.entry
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
	if !news {
		return
	}
	if err := q.stack.Disk.writeEntry(e); err != nil {
		q.Log.Warn("an entry of the queue is not up to date, which costs a save that finds all there", "version", v.String(), "err", err)
	}
}

// pause returns how long to wait after tries failures.
func pause(tries int) time.Duration {
	d := min(firstPause<<min(tries-1, 10), longest)
	return d/2 + rand.N(d/2) // so that a fleet does not come back as one
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
