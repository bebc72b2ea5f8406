package tiers_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// A level is a store, a disk without bounds, that can be made to fail.
type level struct {
	tiers.Store

	mu    sync.Mutex // guards all below
	name  string
	fail  error         // what it answers to everything; nil if it is well
	whole bool          // it holds whole versions only
	hold  chan struct{} // saves wait until it is closed; nil for none
	cut   int64         // bodies break off there; 0 for none
	opens int
	saves []module.Version // asked for, in order
	times []time.Time      // of saves
}

func newLevel(t *testing.T, name string) *level {
	return &level{Store: openDisk(t, t.TempDir(), tiers.DiskLimits{}), name: name}
}

// be makes l fail with err, or well again.
func (l *level) be(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

func (l *level) opened() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opens
}

func (l *level) saved() []module.Version {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.saves)
}

func (l *level) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	l.mu.Lock()
	l.opens++
	fail, cut := l.fail, l.cut
	l.mu.Unlock()
	if fail != nil {
		return nil, fail
	}
	o, err := l.Store.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	o.Tier = l.name
	if cut > 0 {
		o.Body = &cutBody{o.Body, cut}
	}
	return o, nil
}

func (l *level) Save(ctx context.Context, v module.Version, f tiers.Files) error {
	l.mu.Lock()
	l.saves, l.times = append(l.saves, v), append(l.times, time.Now())
	fail, whole, hold := l.fail, l.whole, l.hold
	l.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fail != nil {
		return fail
	}
	if whole && f.Zip == nil {
		return tiers.ErrWhole
	}
	return l.Store.Save(ctx, v, f)
}

func (l *level) Versions(ctx context.Context, path string) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return nil, l.fail
	}
	return l.Store.Versions(ctx, path)
}

// A cutBody breaks off.
type cutBody struct {
	io.ReadCloser
	left int64
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errors.New("connection reset")
	}
	n, err := b.ReadCloser.Read(p[:min(b.left, int64(len(p)))])
	b.left -= int64(n)
	return n, err
}

// withStores puts stores below s, and a queue that carries to them.
func (s *stack) withStores(t *testing.T, q *tiers.Queue, levels ...*level) *stack {
	for _, l := range levels {
		s.Stores = append(s.Stores, tiers.Level{Name: l.name, Store: l})
	}
	s.Queue = q
	if q != nil {
		t.Cleanup(q.Close)
	}
	return s
}

// settles waits until nothing moves, for as long as it takes.
func (s *stack) settles(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if err := s.Drain(ctx); err != nil {
		t.Errorf("drain: %v", err)
	}
}

func (s *stack) asksAll(t *testing.T) {
	t.Helper()
	for _, r := range []tiers.Ref{info, mod, zip} {
		s.asks(t, r, 1)[0].gotAll(t, content(r))
	}
}
