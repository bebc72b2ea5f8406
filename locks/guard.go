package locks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// ErrDown is what a [Guard] answers at once while its lock service is down.
var ErrDown = errors.New("the lock service is down")

// A Guard is a Locker that is not asked while its service does not answer, so that
// a dead service costs its patience once and not each time.
//
// The service is down when it fails: when anything ends in an error before the
// caller's context does. Then everything is answered with an error that matches
// ErrDown. After a pause one Lock is let through, and how that goes says whether
// the service is up, or when it is asked again. Locks that are held are not touched.
//
// A wait that ends with its context says nothing: somebody else may have the lock,
// or the service may be silent. So the Guard asks for the holder then, which is
// answered at once if at all.
type Guard struct {
	Locker Locker       // never nil
	Log    *slog.Logger // told when the service goes down and comes back; nil is slog.Default

	mu      sync.Mutex // guards all below
	failure error      // the last one; nil while the service is up
	changed time.Time  // when it went down, or came back
	pause   time.Duration
	next    time.Time // when it may be asked, while it is down
	asking  bool      // somebody finds out how it is
	turn    int       // counts what was found out: an older answer is none any more
}

var _ Locker = (*Guard)(nil)

const (
	firstPause   = time.Second
	longestPause = 15 * time.Second

	// busy is how long a lock that is let through may keep all others waiting
	// for its verdict: somebody else may have it.
	busy = time.Second

	// patience is how long the holder is asked for.
	patience = 5 * time.Second
)

// Lock is [Locker]'s.
func (g *Guard) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("lock %s: %w", name, err)
	}
	turn, alone, err := g.begin(true)
	if err != nil {
		return nil, nil, fmt.Errorf("lock %s: %w", name, err)
	}
	if alone {
		defer time.AfterFunc(busy, func() { g.ask(ctx, name, turn) }).Stop()
	}
	held, unlock, err = g.Locker.Lock(ctx, name)
	g.learn(ctx, name, turn, err)
	return held, unlock, err
}

// Holder is [Locker]'s. It asks nobody while the service is down.
func (g *Guard) Holder(ctx context.Context, name string) (string, error) {
	turn, _, err := g.begin(false)
	if err != nil {
		return "", fmt.Errorf("holder of %s: %w", name, err)
	}
	holder, err := g.Locker.Holder(ctx, name)
	g.learn(ctx, name, turn, err)
	return holder, err
}

// begin returns the turn in which the service may be asked; alone, if it is down
// and its time has come. Its error matches ErrDown.
func (g *Guard) begin(mayFindOut bool) (turn int, alone bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failure == nil {
		return g.turn, false, nil
	}
	if !mayFindOut || g.asking || time.Now().Before(g.next) {
		// Not wrapped: the failure may be a context's, but not the caller's.
		return 0, false, fmt.Errorf("%w: %v", ErrDown, g.failure)
	}
	g.asking = true
	return g.turn, true, nil
}

// learn learns from what was answered to a caller.
func (g *Guard) learn(ctx context.Context, name string, turn int, err error) {
	switch {
	case err == nil:
		g.succeed(turn)
	case ctx.Err() == nil:
		g.fail(turn, err)
	case g.inDoubt(turn, ctx.Err()):
		go g.ask(ctx, name, turn)
	}
}

// inDoubt says whether the end of a caller's context leaves open how the service
// is, and nobody is finding out.
func (g *Guard) inDoubt(turn int, end error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if turn != g.turn {
		return false
	}
	if g.failure != nil {
		return true // the caller was to find out
	}
	if g.asking || end != context.DeadlineExceeded {
		return false
	}
	g.asking = true
	return true
}

// ask finds out how the service is, for a caller who is gone or waits.
func (g *Guard) ask(ctx context.Context, name string, turn int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if _, err := g.Locker.Holder(ctx, name); err != nil {
		g.fail(turn, err)
		return
	}
	g.succeed(turn)
}

func (g *Guard) succeed(turn int) {
	g.mu.Lock()
	if turn != g.turn {
		g.mu.Unlock()
		return
	}
	g.asking = false
	if g.failure == nil {
		g.mu.Unlock()
		return
	}
	down := time.Since(g.changed)
	g.failure, g.changed = nil, time.Now()
	g.turn++
	g.mu.Unlock()
	cmp.Or(g.Log, slog.Default()).Info("the lock service answers again", "down", down)
}

func (g *Guard) fail(turn int, err error) {
	g.mu.Lock()
	if turn != g.turn {
		g.mu.Unlock()
		return
	}
	now := time.Now()
	fresh := g.failure == nil
	if fresh {
		if now.Sub(g.changed) > longestPause { // else it comes and goes, and the pauses go on growing
			g.pause = 0
		}
		g.changed = now
	}
	g.failure, g.asking = err, false
	g.turn++
	g.pause = min(max(2*g.pause, firstPause), longestPause)
	g.next = now.Add(g.pause - rand.N(g.pause/4+1)) // not when all do that lost it at once
	g.mu.Unlock()
	if fresh {
		cmp.Or(g.Log, slog.Default()).Warn("the lock service fails; going on without locks until it answers", "err", err)
	}
}
