package tiers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/locks"
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
	lookFirst     = 50 * time.Millisecond  // before the first, if there are peers to read from
)

// A claim is the wait of a fill for its lock.
type claim struct {
	*Stack
	version module.Version
	waiting context.Context // the wait; its end is not that of the fill
	cancel  context.CancelFunc
	grips   chan gripped // has the one answer of the Locker
}

type gripped struct {
	*grip
	err error
}

// claim begins to wait for the lock on v, for so long and no longer: the lock is for
// economy, so that without it the upstream is asked all the same.
func (s *Stack) claim(ctx context.Context, v module.Version, wait time.Duration) *claim {
	c := &claim{Stack: s, version: v, grips: make(chan gripped, 1)}
	c.waiting, c.cancel = context.WithTimeoutCause(ctx, wait,
		fmt.Errorf("the lock was not free for %v: %w", wait, context.DeadlineExceeded))
	go func() {
		held, unlock, err := s.Locker.Lock(c.waiting, v.String())
		c.grips <- gripped{&grip{held, unlock}, err}
	}()
	return c
}

// abandon gives up the wait, and lets go of what comes of it all the same.
func (c *claim) abandon() {
	c.cancel()
	c.beside(func() {
		if a := <-c.grips; a.err == nil {
			a.release()
		}
	})
}

// awaitOthers waits for the lock on f's version before the upstream is asked for the
// zip, of which n bytes are in the spool. If somebody else had the lock, it takes the
// zip from the store at level to which it was saved meanwhile, or from its holder
// while that one still fetches it, and reports that it has it whole. A holder that
// breaks off is waited for as if there had been nothing.
func (s *Stack) awaitOthers(ctx context.Context, f *flight, n int64) (got int64, level int, whole bool, err error) {
	h := newHolders(s.Peers, s.Log)
	for {
		o, level, peer, sick := s.lock(ctx, f, h)
		if o == nil {
			return n, level, false, cmp.Or(sick, err)
		}
		n, err = s.take(ctx, f, o, n)
		o.Body.Close()
		if peer {
			h.done(ctx, err)
		}
		switch {
		case err == nil:
			f.peer = peer
			return n, level, true, nil
		case !peer, errors.Is(err, errNoSpool), ctx.Err() != nil:
			return n, level, false, err
		case n == 0:
			err = nil // as if nobody had been asked
		}
	}
}

// lock gets f the lock on its version before the upstream is asked for a zip, or
// returns the zip, open: from the store at level that has it by now, for somebody
// else may have had the lock and saved it, or from a peer that has the lock. If there
// is none, sick is the last error of a store that could not be asked.
func (s *Stack) lock(ctx context.Context, f *flight, h *holders) (o *Object, level int, peer bool, sick error) {
	c := s.claim(ctx, f.ref.Module(), s.lockWait())
	defer c.cancel()
	pause := lookFirst
	if s.Peers == nil {
		pause = lookAgain + rand.N(lookAgain/2)
	}
	for {
		look := time.NewTimer(pause)
		pause = lookAgain + rand.N(lookAgain/2)
		select {
		case a := <-c.grips:
			look.Stop()
			h.giveUp(c)
			o, level, sick = s.look(askAgain(ctx), f.ref)
			switch {
			case a.err != nil:
				s.withoutLock(ctx, f.ref, a.err)
			case o != nil:
				s.beside(a.release) // whose service may be slow
			default:
				f.grip = a.grip
			}
			return o, level, false, sick
		case p := <-h.answers:
			look.Stop()
			if o = h.take(ctx, p); o != nil {
				c.abandon()
				return o, 0, true, nil
			}
		case <-look.C:
			if o, level, _ = s.look(askAgain(ctx), f.ref); o != nil {
				c.abandon()
				h.giveUp(c)
				return o, level, false, nil
			}
			h.ask(ctx, c, f.ref)
		}
	}
}

func (s *Stack) withoutLock(ctx context.Context, r Ref, err error) {
	// That the service is down was said once.
	if ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, locks.ErrDown) {
		s.Log.WarnContext(ctx, "going on without a lock", "version", r.Module().String(), "err", err)
	}
}

func (s *Stack) lockWait() time.Duration {
	if s.LockWait > 0 {
		return s.LockWait
	}
	return usualLockWait
}

// confirm sees to it that v, which came from a peer, is saved. The peer does so under
// its lock; if it has not when the lock is free again, because it died or because it
// found the version to be not what its name says, the version is saved from here,
// or found to be so, too. That is work of the fill that ctx is of, but may take
// longer than it.
func (s *Stack) confirm(ctx context.Context, v module.Version) {
	if s.Queue == nil {
		return
	}
	s.beside(func() {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		defer context.AfterFunc(s.life, cancel)()
		c := s.claim(ctx, v, s.Timeout)
		defer c.cancel()
		a := <-c.grips
		g := a.grip
		if a.err != nil {
			g = nil // it is saved twice rather than not at all
		}
		if s.stored(context.WithoutCancel(c.waiting), v, true) || !s.enqueueHeld(ctx, v, g) {
			g.release()
		}
	})
}

// enqueueHeld queues v, whose zip is on disk, with its lock. It reports whether it
// did.
func (s *Stack) enqueueHeld(ctx context.Context, v module.Version, g *grip) bool {
	var names []string
	for _, l := range s.Stores {
		names = append(names, l.Name)
	}
	fresh, err := s.Queue.add(ctx, v, true, names)
	if err != nil {
		s.Log.WarnContext(ctx, "a version of a peer may not be saved", "version", v.String(), "err", err)
		return false
	}
	if fresh && s.Disk.sizeOf(v) == 0 {
		s.Queue.cancel(v) // it was evicted meanwhile, or found to be wrong
		return false
	}
	s.Queue.measure(v)
	if g != nil {
		s.Queue.hand(v, g)
	}
	return true
}
