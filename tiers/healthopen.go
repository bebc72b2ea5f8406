package tiers

import (
	"context"
	"fmt"
	"os"
	"time"
)

type opened struct {
	o   *Object
	err error
}

// close gives up what came too late.
func (g opened) close() {
	if g.err == nil {
		g.o.Body.Close()
	}
}

// Open opens the file that r names. If the store takes longer than Timeout it is
// given up, even if it does not heed its context.
func (h *Health) Open(ctx context.Context, r Ref) (*Object, error) {
	if err := h.down(); err != nil {
		return nil, err
	}
	// The Body may need the context until it is closed.
	asked, cancel := context.WithCancel(ctx)
	got := make(chan opened, 1)
	go func() {
		o, err := h.Store.Open(asked, r)
		got <- opened{o, err}
	}()
	patience := time.NewTimer(h.timeout())
	select {
	case g := <-got:
		patience.Stop()
		if g.err != nil {
			cancel()
			return nil, h.judge(ctx, g.err)
		}
		return h.watch(ctx, r, g.o, cancel), nil
	case <-ctx.Done():
		cancel()
		go h.abandon(got, patience, r)
		return nil, fmt.Errorf("%s: open %s: %w", h.Name, r, context.Cause(ctx))
	case <-patience.C:
		cancel()
		err := h.tooSlow(r)
		h.fail(err)
		go h.await(got)
		return nil, err
	}
}

func (h *Health) tooSlow(r Ref) error {
	return fmt.Errorf("%s: open %s: no answer for %v: %w", h.Name, r, h.timeout(), os.ErrDeadlineExceeded)
}

// abandon leaves an Open that nobody waits for any more to end. That its caller
// had less patience than the store is allowed does not excuse the store.
func (h *Health) abandon(got <-chan opened, patience *time.Timer, r Ref) {
	select {
	case g := <-got:
		patience.Stop()
		g.close()
	case <-patience.C:
		h.fail(h.tooSlow(r))
		h.await(got)
	}
}

// await counts an Open that hangs until it ends.
func (h *Health) await(got <-chan opened) {
	h.addHung(1)
	defer h.addHung(-1)
	(<-got).close()
}

func (h *Health) addHung(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hung += n
}
