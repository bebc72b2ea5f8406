package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/modtier/modtier/locks"
)

// ErrClosed is what a closed locker answers.
var ErrClosed = errors.New("the locker is closed")

// A Locker is what all lockers have alike whose service grants a lease at a time to
// whoever asks. Those of one process who want the same name queue up in the process,
// and one of them asks; what is granted is kept up; and closing lets go of all.
type Locker struct {
	// Life lasts until Close.
	Life context.Context

	service       string
	length, limit time.Duration
	win           func(ctx context.Context, name string) (Grant, error)
	local         locks.Local
	end           context.CancelFunc
	asking        chan struct{} // has one for each turn

	mu      sync.Mutex // guards what follows, and the way into work
	closed  bool
	failed  time.Time // when the service was last asked in vain
	failure error

	work sync.WaitGroup // all that runs or is held
}

// A Grant is a lease that the service has granted.
type Grant struct {
	Asked   time.Time                            // when it was asked for
	Renew   func(ctx context.Context) error      // as [Renewal.Renew]
	Release func(ctx context.Context, lost bool) // as [Hold.Release]; what is lost may be another's by now
}

// AtOnce is how many of those who wait for a lock may ask the service at once. There
// may be hundreds, who ask again and again.
const AtOnce = 32

// New makes a Locker of leases of that length, of which none is held for longer than
// limit. service is its name in errors. win waits until a name is granted, or returns
// soon after ctx is done, which it also is at Close.
func New(ctx context.Context, service string, length, limit time.Duration, win func(ctx context.Context, name string) (Grant, error)) *Locker {
	l := &Locker{service: service, length: length, limit: limit, win: win, asking: make(chan struct{}, AtOnce)}
	l.Life, l.end = context.WithCancel(context.WithoutCancel(ctx))
	return l
}

// Lock is [locks.Locker]'s.
func (l *Locker) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	if !l.enter() {
		return nil, nil, fmt.Errorf("%s: lock %s: %w", l.service, name, ErrClosed)
	}
	_, leave, err := l.local.Lock(ctx, name)
	if err != nil {
		l.work.Done()
		return nil, nil, fmt.Errorf("%s: %w", l.service, err)
	}
	g, err := l.granted(ctx, name)
	if err != nil {
		leave()
		l.work.Done()
		return nil, nil, fmt.Errorf("%s: lock %s: %w", l.service, name, err)
	}
	renewal := Renewal{Granted: g.Asked, Length: l.length, Renew: g.Renew}
	lost := false
	held, unlock = Hold{
		Since: g.Asked,
		Limit: l.limit,
		Keep: func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(l.Life, cancel)()
			err := renewal.Keep(ctx)
			if lost = err != nil; lost || l.Life.Err() == nil {
				return err
			}
			return fmt.Errorf("%w: %w", locks.ErrLost, ErrClosed)
		},
		Release: func(ctx context.Context) {
			g.Release(ctx, lost)
			leave()
			l.work.Done()
		},
	}.Start(ctx)
	return held, unlock, nil
}

// granted waits until the service grants name, ctx is done, or the locker is closed.
func (l *Locker) granted(ctx context.Context, name string) (Grant, error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.Life, cancel)()
	g, err := l.win(waiting, name)
	switch {
	case err == nil:
		return g, nil
	case ctx.Err() == nil && l.Life.Err() != nil:
		return g, ErrClosed
	}
	return g, Unanswered(ctx, err)
}

// Turn waits until the service may be asked; done is to be told how that went. Only
// from then on does the answer take time: that many queue up here is no silence of the
// service. Who queued up while it was asked in vain has that error.
func (l *Locker) Turn(ctx context.Context) (done func(error), err error) {
	came := time.Now()
	select {
	case l.asking <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed.After(came) {
		<-l.asking
		return nil, l.failure
	}
	return func(err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			l.failed, l.failure = time.Now(), err
		}
		<-l.asking
	}, nil
}

// Holder is [locks.Locker]'s, by what ask says of name.
func (l *Locker) Holder(ctx context.Context, name string, ask func(ctx context.Context) (string, error)) (string, error) {
	if !l.enter() {
		return "", fmt.Errorf("%s: holder of %s: %w", l.service, name, ErrClosed)
	}
	defer l.work.Done()
	done, err := l.Turn(ctx)
	if err != nil {
		return "", fmt.Errorf("%s: holder of %s: %w", l.service, name, Unanswered(ctx, err))
	}
	holder, err := ask(ctx)
	done(err)
	if err != nil {
		return "", fmt.Errorf("%s: holder of %s: %w", l.service, name, Unanswered(ctx, err))
	}
	return holder, nil
}

// Go does something that Close waits for. Only who waits for a lock, holds one, or
// asks for a holder may begin it.
func (l *Locker) Go(do func()) { l.work.Go(do) }

// enter says whether work may begin; it ends with l.work.Done.
func (l *Locker) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.work.Add(1)
	}
	return !l.closed
}

// Close lets go of all that is held, and waits for what runs.
func (l *Locker) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.end()
	l.work.Wait()
}
