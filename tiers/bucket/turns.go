package bucket

import (
	"context"
	"sync"

	"golang.org/x/mod/module"
)

// turns lets one at a time work on a version, in this process. Others may do so
// elsewhere: what keeps them apart is that objects are only ever created.
type turns struct {
	mu    sync.Mutex // guards taken
	taken map[module.Version]*turn
}

type turn struct {
	free  chan struct{} // has one element while nobody has the turn
	among int           // who have it or wait for it
}

// take waits for the turn to work on v. done gives it on.
func (t *turns) take(ctx context.Context, v module.Version) (done func(), err error) {
	t.mu.Lock()
	if t.taken == nil {
		t.taken = make(map[module.Version]*turn)
	}
	n := t.taken[v]
	if n == nil {
		n = &turn{free: make(chan struct{}, 1)}
		n.free <- struct{}{}
		t.taken[v] = n
	}
	n.among++
	t.mu.Unlock()

	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if n.among--; n.among == 0 {
			delete(t.taken, v)
		}
	}
	select {
	case <-n.free:
		return func() { n.free <- struct{}{}; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, context.Cause(ctx)
	}
}
