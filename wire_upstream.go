package main

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/modtier/modtier/tiers"
)

// A watchedUpstream remembers how its source answered of late. An upstream is asked
// whatever it answers, so this is for people only.
type watchedUpstream struct {
	tiers.Source

	mu   sync.Mutex // guards all below
	last tiers.Condition
	row  int // failures in a row
}

// What is said of an upstream: down after so many failures in a row, unstable for a
// minute after one, and nothing of what was long ago.
const (
	downAfter    = 3
	unstableFor  = time.Minute
	forgottenFor = 5 * time.Minute
)

func (u *watchedUpstream) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	o, err := u.Source.Open(ctx, r)
	if !errors.Is(context.Cause(ctx), context.Canceled) { // nobody asks any more
		u.learn(err)
	}
	return o, err
}

func (u *watchedUpstream) learn(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported) {
		u.row = 0
		return
	}
	now := time.Now()
	if u.row == 0 || u.row == downAfter-1 {
		u.last.Since = now
	}
	u.row++
	u.last.Last, u.last.Failed = err, now
}

// Condition returns how the upstream is.
func (u *watchedUpstream) Condition() tiers.Condition {
	u.mu.Lock()
	defer u.mu.Unlock()
	c := u.last
	ago := time.Since(c.Failed)
	switch {
	case u.row >= downAfter && ago < forgottenFor:
		c.State = tiers.Down
	case u.row >= downAfter:
		c.Since = c.Failed.Add(forgottenFor)
	case c.Last != nil && ago < unstableFor:
		c.State = tiers.Unstable
	case c.Last != nil:
		c.Since = c.Failed.Add(unstableFor)
	}
	return c
}
