package tiers_test

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/modtier/modtier/tiers"
)

// A table is a lock service for several stacks in one bubble.
type table struct {
	mu      sync.Mutex // guards all below
	held    map[string]context.CancelCauseFunc
	holders map[string]string
	freed   chan struct{}
	dead    error
	locks   int
}

func newTable() *table {
	return &table{held: make(map[string]context.CancelCauseFunc), holders: make(map[string]string), freed: make(chan struct{})}
}

// A seat is the table's Locker for one of them.
type seat struct {
	*table
	holder string
}

func (l *table) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	return seat{l, ""}.Lock(ctx, name)
}

func (l seat) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	for {
		l.mu.Lock()
		if l.dead != nil {
			defer l.mu.Unlock()
			return nil, nil, l.dead
		}
		if l.held[name] == nil {
			held, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
			l.held[name], l.holders[name] = cancel, l.holder
			l.locks++
			l.mu.Unlock()
			return held, sync.OnceFunc(func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				cancel(nil)
				l.free(name)
			}), nil
		}
		freed := l.freed
		l.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
}

func (l *table) Holder(_ context.Context, name string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holders[name], l.dead
}

// free lets go of name. The caller holds mu.
func (l *table) free(name string) {
	delete(l.held, name)
	delete(l.holders, name)
	close(l.freed)
	l.freed = make(chan struct{})
}

// expire lets go of name without its holder's doing.
func (l *table) expire(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free(name)
}

// isFree reports whether nobody holds a lock.
func (l *table) isFree() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held) == 0
}

// A fleet is what the stacks of a bubble have for peers: each other, by name.
type fleet struct {
	mu    sync.Mutex // guards all below
	at    map[string]*stack
	gone  map[string]bool
	asked []string // holders, in order
	done  []error
}

func (f *fleet) Open(ctx context.Context, holder string, r tiers.Ref) (*tiers.Object, error) {
	f.mu.Lock()
	f.asked = append(f.asked, holder)
	s, gone := f.at[holder], f.gone[holder]
	f.mu.Unlock()
	if gone || s == nil {
		return nil, errGone
	}
	o, err := s.Here().Open(ctx, r)
	if err != nil {
		return nil, err
	}
	return &tiers.Object{Body: &peerBody{o.Body, f, holder}, Size: o.Size, Tier: "peer"}, nil
}

func (f *fleet) Done(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, err)
}

// kill makes a stack one that cannot be asked, and nobody gets more of it.
func (f *fleet) kill(holder string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone[holder] = true
}

func (f *fleet) outcomes() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]error(nil), f.done...)
}

var errGone = errors.New("connection refused")

// A peerBody breaks off once its holder is gone.
type peerBody struct {
	io.ReadCloser
	fleet  *fleet
	holder string
}

func (b *peerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.fleet.mu.Lock()
	defer b.fleet.mu.Unlock()
	if b.fleet.gone[b.holder] {
		return 0, errGone
	}
	return n, err
}
