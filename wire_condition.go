package main

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/tiers"
)

// A watch remembers how a tier did of late that is asked whatever it answers, so this
// is for people only.
type watch struct {
	mu   sync.Mutex // guards all below
	last tiers.Condition
	row  int // failures in a row
}

// What is said of such a tier: down after so many failures in a row, unstable for a
// minute after one, and nothing of what was long ago.
const (
	downAfter    = 3
	unstableFor  = time.Minute
	forgottenFor = 5 * time.Minute
)

// learn takes note of a failure or, if err is nil, of a success.
func (w *watch) learn(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.row = 0
		return
	}
	now := time.Now()
	if w.row == 0 || w.row == downAfter-1 {
		w.last.Since = now
	}
	w.row++
	w.last.Last, w.last.Failed = err, now
}

// Condition returns how the tier is.
func (w *watch) Condition() tiers.Condition {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.last
	ago := time.Since(c.Failed)
	switch {
	case w.row >= downAfter && ago < forgottenFor:
		c.State = tiers.Down
	case w.row >= downAfter:
		c.Since = c.Failed.Add(forgottenFor)
	case c.Last != nil && ago < unstableFor:
		c.State = tiers.Unstable
	case c.Last != nil:
		c.Since = c.Failed.Add(unstableFor)
	}
	return c
}

// A watchedUpstream remembers how it answered, whatever it was asked. Checksum
// databases are servers of their own, and say nothing of it.
type watchedUpstream struct {
	tiers.Source
	gateway.Upstream
	watch
}

func (u *watchedUpstream) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	o, err := u.Source.Open(ctx, r)
	u.answered(ctx, err)
	return o, err
}

func (u *watchedUpstream) Versions(ctx context.Context, path string) ([]string, error) {
	vs, err := u.Upstream.Versions(ctx, path)
	u.answered(ctx, err)
	return vs, err
}

func (u *watchedUpstream) Latest(ctx context.Context, path string) ([]byte, error) {
	b, err := u.Upstream.Latest(ctx, path)
	u.answered(ctx, err)
	return b, err
}

func (u *watchedUpstream) Query(ctx context.Context, path, query string) ([]byte, error) {
	b, err := u.Upstream.Query(ctx, path, query)
	u.answered(ctx, err)
	return b, err
}

func (u *watchedUpstream) answered(ctx context.Context, err error) {
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled): // nobody asks any more
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errors.ErrUnsupported):
		u.learn(nil)
	default:
		u.learn(err)
	}
}
