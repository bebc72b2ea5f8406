package tiers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A grip is a lock that is held from before the upstream is asked until the
// version is in the stores.
type grip struct {
	held   context.Context // done when the lock is lost
	unlock func()
}

// release lets go of g, if it is not nil.
func (g *grip) release() {
	if g != nil {
		g.unlock()
	}
}

const (
	usualLockWait = 10 * time.Second
	lookAgain     = 500 * time.Millisecond // between looks into the stores while a lock is waited for
)

// lock gets f the lock on its version before the upstream is asked for a zip, or
// returns the zip, open, and the place of the store that has it by now: somebody
// else may have had the lock and saved it. It waits for so long and no longer; the
// lock is for economy, so that without it the upstream is asked all the same.
func (s *Stack) lock(ctx context.Context, f *flight) (o *Object, level int) {
	waiting, cancel := context.WithTimeoutCause(ctx, s.lockWait(),
		fmt.Errorf("the lock was not free for %v: %w", s.lockWait(), context.DeadlineExceeded))
	defer cancel()
	type answer struct {
		grip *grip
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		held, unlock, err := s.Locker.Lock(waiting, f.ref.Module().String())
		answers <- answer{&grip{held, unlock}, err}
	}()
	// Whoever gives up the wait lets go of what comes of it all the same.
	abandon := func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.work(func() {
			if a := <-answers; a.err == nil {
				a.grip.release()
			}
		})
	}
	for {
		look := time.NewTimer(lookAgain + rand.N(lookAgain/2))
		select {
		case a := <-answers:
			look.Stop()
			if a.err != nil {
				if ctx.Err() == nil && !errors.Is(a.err, context.DeadlineExceeded) {
					s.Log.Warn("going on without a lock", "version", f.ref.Module().String(), "err", a.err)
				}
				o, level, _ = s.look(ctx, f.ref)
				return o, level
			}
			if o, level, _ = s.look(ctx, f.ref); o != nil {
				a.grip.release()
				return o, level
			}
			f.grip = a.grip
			return nil, 0
		case <-look.C:
			if o, level, _ = s.look(ctx, f.ref); o != nil {
				abandon()
				return o, level
			}
		}
	}
}

func (s *Stack) lockWait() time.Duration {
	if s.LockWait > 0 {
		return s.LockWait
	}
	return usualLockWait
}
