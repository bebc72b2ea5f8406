package tiers

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
)

// Peers are the other processes of a fleet.
type Peers interface {
	// Open opens the file that r names at the process that holder, a lock's,
	// names: what that one has or is filling. ctx bounds the wait for it, and
	// the reading.
	Open(ctx context.Context, holder string, r Ref) (*Object, error)

	// Done is called once for each Open, with its error or that of reading the
	// file: nil if it came whole.
	Done(err error)
}

// holders are those of the lock that a fill waits for, which may be asked for the
// file that they are filling.
type holders struct {
	peers   Peers // nil if nobody can be asked
	log     *slog.Logger
	asked   []string    // each is asked once
	asking  bool        // an answer is to come
	answers chan ofPeer // has room for one
}

// An ofPeer is what came of asking a holder.
type ofPeer struct {
	object *Object
	err    error
	nobody bool // was there to be asked
}

func newHolders(p Peers, log *slog.Logger) *holders {
	return &holders{peers: p, log: log, answers: make(chan ofPeer, 1)}
}

// ask asks the holder of the lock for the file, beside the wait, unless one is being
// asked.
func (h *holders) ask(ctx context.Context, c *claim, r Ref) {
	if h.peers == nil || h.asking {
		return
	}
	h.asking = true
	go func() {
		holder, err := c.Locker.Holder(c.waiting, c.version.String())
		if err != nil || holder == "" || slices.Contains(h.asked, holder) {
			h.answers <- ofPeer{nobody: true} // that a service is down shows by the wait
			return
		}
		h.asked = append(h.asked, holder)
		// The answer has to come within the wait, and the file need not.
		reading, cancel := context.WithCancelCause(ctx)
		stop := context.AfterFunc(c.waiting, func() { cancel(context.Cause(c.waiting)) })
		o, err := h.peers.Open(reading, holder, r)
		if !stop() && err == nil {
			o.Body.Close()
			o, err = nil, context.Cause(c.waiting)
		}
		h.answers <- ofPeer{object: o, err: err}
	}()
}

// take returns the file of an answer, or nil.
func (h *holders) take(ctx context.Context, a ofPeer) *Object {
	h.asking = false
	if a.object == nil && !a.nobody {
		h.done(ctx, a.err)
	}
	return a.object
}

// done ends the reading from a holder. If that was in vain the file comes from
// elsewhere, and a wrong URL or secret would not show.
func (h *holders) done(ctx context.Context, err error) {
	h.peers.Done(err)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, context.Canceled) {
		h.log.WarnContext(ctx, "the holder of a lock could not be read from; going on without it", "err", err)
	}
}

// giveUp ends the wait of c, and with it what is being asked.
func (h *holders) giveUp(c *claim) {
	c.cancel()
	if !h.asking {
		return
	}
	c.beside(func() {
		a := <-h.answers
		if o := h.take(c.waiting, a); o != nil {
			o.Body.Close()
			h.done(c.waiting, context.Canceled)
		}
	})
}
