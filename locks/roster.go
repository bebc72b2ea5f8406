package locks

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// A Roster is a Locker that knows who holds and who waits for a lock through it. It
// remembers a lock until it is given back, lost or not.
type Roster struct {
	Locker Locker // never nil

	mu  sync.Mutex // guards all below
	all map[*Held]struct{}
}

var _ Locker = (*Roster)(nil)

// A Held is a lock that this process holds, or waits for.
type Held struct {
	Name    string
	Waiting bool      // it is not held yet
	Lost    bool      // it was held, and is not any more
	Since   time.Time // when it was acquired; when it was asked for, if it is waited for
}

// Lock is [Locker]'s.
func (r *Roster) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	h := &Held{Name: name, Waiting: true, Since: time.Now()}
	r.change(func() {
		if r.all == nil {
			r.all = make(map[*Held]struct{})
		}
		r.all[h] = struct{}{}
	})
	held, release, err := r.Locker.Lock(ctx, name)
	if err != nil {
		r.change(func() { delete(r.all, h) })
		return nil, nil, err
	}
	r.change(func() { h.Waiting, h.Since = false, time.Now() })
	stop := context.AfterFunc(held, func() { r.change(func() { h.Lost = true }) })
	return held, func() {
		stop()
		release()
		r.change(func() { delete(r.all, h) })
	}, nil
}

// Holder is [Locker]'s.
func (r *Roster) Holder(ctx context.Context, name string) (string, error) {
	return r.Locker.Holder(ctx, name)
}

// Held returns the n locks that have been held or waited for the longest, and how many
// there are in all.
func (r *Roster) Held(n int) (oldest []Held, all int) {
	r.change(func() {
		for h := range r.all {
			oldest = append(oldest, *h)
		}
	})
	all = len(oldest)
	slices.SortFunc(oldest, func(a, b Held) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Name, b.Name))
	})
	return oldest[:min(n, all)], all
}

// Of returns those of one name, at most one of which is held.
func (r *Roster) Of(name string) (all []Held) {
	r.change(func() {
		for h := range r.all {
			if h.Name == name {
				all = append(all, *h)
			}
		}
	})
	slices.SortFunc(all, func(a, b Held) int { return a.Since.Compare(b.Since) })
	return all
}

func (r *Roster) change(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
}
