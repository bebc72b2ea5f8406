package tiers

import (
	"slices"
	"time"

	"golang.org/x/mod/module"
)

// A Pending tells how a version waits for its save.
type Pending struct {
	Version module.Version
	Whole   bool      // all three files; else the go.mod alone
	Stores  []string  // names of those that lack it
	Added   time.Time // when the first file of it came
	Bytes   int64     // of its files on disk
	Tries   int       // that failed in a row
	Saving  bool      // a worker has it
	Err     error     // why the last try failed; nil if it did not
}

// First returns the version that has waited for longest, and whether any waits.
func (q *Queue) First() (Pending, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return Pending{}, false
	}
	q.oldest() // drops from the front what waits no longer
	return q.came[0].pending(), true
}

// Pending returns how v waits, and whether it does.
func (q *Queue) Pending(v module.Version) (Pending, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.waiting[v]
	if w == nil {
		return Pending{}, false
	}
	return w.pending(), true
}

// pending tells of w. The caller holds the queue's mu.
func (w *waiting) pending() Pending {
	return Pending{w.module(), w.Whole, slices.Clone(w.Stores), w.Added, w.size, w.tries, w.busy, w.err}
}
