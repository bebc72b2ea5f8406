package tiers

import (
	"context"
	"math/rand/v2"
	"time"
)

// nobodys is a file that no store has: the name can be nobody's (RFC 2606).
var nobodys = Ref{Path: "modtier.invalid/probe", Version: "v0.0.0", Kind: Mod}

// probe asks the store until it answers.
func (h *Health) probe() {
	for {
		// Not at the same moment as all others that lost the same store.
		pause := h.pause()
		select {
		case <-time.After(pause - pause/4 + rand.N(pause/2+1)):
		case <-h.stop:
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), h.timeout())
		got := make(chan opened, 1)
		go func() {
			o, err := h.Store.Open(ctx, nobodys)
			got <- opened{o, err}
		}()
		// One that does not heed its context is waited for, so that there is
		// never more than one.
		select {
		case g := <-got:
			late := ctx.Err() != nil
			cancel()
			g.close()
			switch {
			case late:
				h.fail(h.tooSlow(nobodys))
			case !isHealthy(g.err):
				h.fail(g.err)
			case h.mayMend():
				h.mend()
				return
			}
		case <-h.stop:
			cancel()
			go func() { (<-got).close() }()
			return
		}
	}
}

func (h *Health) mayMend() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hung < maxHung
}
