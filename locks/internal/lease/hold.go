// Package lease is what the lockers share whose service grants a lock for a while:
// how a lock is held and let go, and how a lease is kept up.
//
// Start reading at [Locker].
package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/modtier/modtier/locks"
)

// Moment is how long an answer of a lock service is waited for where somebody
// waits who does not need it.
const Moment = 2 * time.Second

// A Hold is a lock that has been granted.
type Hold struct {
	// Since is when the grant was asked for: it cannot be older.
	Since time.Time

	// Limit is how long the lock may be held at all. A holder that is stuck
	// must not keep a fleet from a name for ever.
	Limit time.Duration

	// Keep keeps the lock until ctx is done, and then returns nil. If the lock
	// is lost before, it returns at once why, matching [locks.ErrLost].
	Keep func(ctx context.Context) error

	// Release gives the lock back if it is still held; it returns soon after
	// ctx is done. It is called once, when the held context is done, also after
	// a loss: what was lost may be there still.
	Release func(ctx context.Context)
}

// Start holds the lock in a goroutine that unlock ends and waits for.
func (h Hold) Start(ctx context.Context) (held context.Context, unlock func()) {
	held, end := context.WithCancelCause(context.WithoutCancel(ctx))
	keep, stop := context.WithDeadline(context.WithoutCancel(ctx), h.Since.Add(h.Limit))
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer stop()
		err := h.Keep(keep)
		if err == nil && keep.Err() == context.DeadlineExceeded {
			err = fmt.Errorf("%w: it was held for %v, which is all that anybody may", locks.ErrLost, h.Limit)
		}
		end(err)
		release, done := context.WithTimeout(context.WithoutCancel(ctx), Moment)
		defer done()
		h.Release(release)
	}()
	return held, func() {
		stop()
		<-over
	}
}

// Unanswered returns err for who asked with ctx: if that is at its end its error, and
// else none that reads as a context's.
func Unanswered(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fmt.Errorf("no answer: %v", err)
	}
	return err
}
