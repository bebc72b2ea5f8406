// Package bucket holds locks in the bucket of an object store, for a fleet that has
// nothing else in common: as small objects that change on condition in Amazon S3,
// MinIO and what speaks their protocol, and Google Cloud Storage; and as leases of
// blobs in Azure Blob Storage.
//
// The object of a lock is named lease/path@version, as Athens names it in Azure, where
// the two exclude each other. Nobody is told of a release: who waits looks four
// times a second.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/internal/lease"
)

const (
	// poll is how often a waiter looks.
	poll   = 250 * time.Millisecond
	jitter = 50 * time.Millisecond

	// patience is how long an answer to a waiter may take, in all tries. The
	// clients of the services would try for longer.
	patience = 3 * time.Second
)

// A service grants leases of keys.
type service interface {
	// take tries to get key for a lease, and says that holder has it. If
	// somebody else has it, the grant is nil. After an error it has done what
	// it can to leave nothing behind.
	take(ctx context.Context, key, holder string) (grant, error)

	// holder returns what the holder of key says of itself, or "".
	holder(ctx context.Context, key string) (string, error)
}

// A grant is a lease that was taken. One call is made of it at a time.
type grant interface {
	// renew prolongs the lease, from the moment of the call. If it is gone, or
	// another's, the error matches locks.ErrLost.
	renew(ctx context.Context) error

	// release gives it back, also after a renewal of unknown outcome. What is
	// another's it leaves alone.
	release(ctx context.Context) error
}

// A Locker is a [locks.Locker] in a bucket. Those of one process who want the same
// name queue up in the process, and one of them asks the service.
type Locker struct {
	service service
	Config  // with nothing left at zero
	local   locks.Local

	life   context.Context // until Close
	end    context.CancelFunc
	mu     sync.Mutex // guards closed, and the way into work
	closed bool
	work   sync.WaitGroup // all that runs or is held
}

var _ locks.Locker = (*Locker)(nil)

var errClosed = errors.New("the locker is closed")

// open makes a Locker over s of a checked c. It asks nobody.
func open(ctx context.Context, s service, c Config) *Locker {
	l := &Locker{service: s, Config: c}
	l.life, l.end = context.WithCancel(context.WithoutCancel(ctx))
	return l
}

// Lock is [locks.Locker]'s.
func (l *Locker) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	if !l.enter() {
		return nil, nil, fmt.Errorf("bucket: lock %s: %w", name, errClosed)
	}
	_, leave, err := l.local.Lock(ctx, name)
	if err != nil {
		l.work.Done()
		return nil, nil, fmt.Errorf("bucket: %w", err)
	}
	g, asked, err := l.wait(ctx, l.key(name))
	if err != nil {
		leave()
		l.work.Done()
		return nil, nil, fmt.Errorf("bucket: lock %s: %w", name, err)
	}
	renewal := lease.Renewal{Granted: asked, Length: l.Lease, Renew: g.renew}
	held, unlock = lease.Hold{
		Since: asked,
		Limit: l.TTL,
		Keep: func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(l.life, cancel)()
			if err := renewal.Keep(ctx); err != nil || l.life.Err() == nil {
				return err
			}
			return fmt.Errorf("%w: %w", locks.ErrLost, errClosed)
		},
		Release: func(ctx context.Context) {
			g.release(ctx) // an error is of no use to anybody: then the lease ends by itself
			leave()
			l.work.Done()
		},
	}.Start(ctx)
	return held, unlock, nil
}

// wait waits for a grant of key, and returns when it was asked for.
func (l *Locker) wait(ctx context.Context, key string) (g grant, asked time.Time, err error) {
	for {
		asked = time.Now()
		if g, err = l.take(ctx, key); g != nil || err != nil {
			return g, asked, err
		}
		select {
		case <-ctx.Done():
			return nil, asked, ctx.Err()
		case <-l.life.Done():
			return nil, asked, errClosed
		case <-time.After(poll + rand.N(jitter)):
		}
	}
}

// take tries to get key. The request is not cut off when ctx is done, for then
// nobody knew what came of it: what it gets too late it gives back.
func (l *Locker) take(ctx context.Context, key string) (grant, error) {
	type answer struct {
		grant grant
		err   error
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	answers := make(chan answer)
	l.work.Go(func() {
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		g, err := l.service.take(try, key, l.Config.Holder)
		select {
		case answers <- answer{g, err}:
		case <-ctx.Done():
			if g != nil {
				back, cancel := context.WithTimeout(context.WithoutCancel(ctx), lease.Moment)
				defer cancel()
				g.release(back)
			}
		}
	})
	select {
	case a := <-answers:
		if a.err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return a.grant, lease.Unanswered(a.err)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Holder is [locks.Locker]'s.
func (l *Locker) Holder(ctx context.Context, name string) (string, error) {
	if !l.enter() {
		return "", fmt.Errorf("bucket: holder of %s: %w", name, errClosed)
	}
	defer l.work.Done()
	try, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	holder, err := l.service.holder(try, l.key(name))
	if err == nil {
		return holder, nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	} else {
		err = lease.Unanswered(err)
	}
	return "", fmt.Errorf("bucket: holder of %s: %w", name, err)
}

// enter says whether work may begin; it ends with l.work.Done.
func (l *Locker) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.work.Add(1)
	}
	return !l.closed
}

// Close lets go of all that is held. The bucket is its owner's to close.
func (l *Locker) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.end()
	l.work.Wait()
	return nil
}
