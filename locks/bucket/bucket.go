// Package bucket holds locks in the bucket of an object store, for a fleet that has
// nothing else in common: as small objects that change on condition in Amazon S3,
// MinIO and what speaks their protocol, and Google Cloud Storage; and as leases of
// blobs in Azure Blob Storage.
//
// The object of a lock is named lease/path@version, as Athens names it in Azure, where
// the two exclude each other. Nobody is told of a release: who waits looks four
// times a second.
//
// Start reading at [Objects] and [Leases], which a store has to do for it.
package bucket

import (
	"context"
	"math/rand/v2"
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

// A Locker is a [locks.Locker] in a bucket.
type Locker struct {
	leases  *lease.Locker
	service service
	Config  // with nothing left at zero
}

var _ locks.Locker = (*Locker)(nil)

// open makes a Locker over s of a checked c. It asks nobody.
func open(ctx context.Context, s service, c Config) *Locker {
	l := &Locker{service: s, Config: c}
	l.leases = lease.New(ctx, "bucket", c.Lease, c.TTL, l.win)
	return l
}

// Lock is [locks.Locker]'s.
func (l *Locker) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	return l.leases.Lock(ctx, name)
}

// win waits for a grant of name.
func (l *Locker) win(ctx context.Context, name string) (lease.Grant, error) {
	key := l.key(name)
	for {
		asked, g, err := l.take(ctx, key)
		if err != nil {
			return lease.Grant{}, err
		}
		if g != nil {
			return lease.Grant{
				Asked: asked,
				Renew: g.renew,
				// An error is of no use to anybody: then the lease ends by itself.
				Release: func(ctx context.Context, _ bool) { g.release(ctx) },
			}, nil
		}
		select {
		case <-ctx.Done():
			return lease.Grant{}, ctx.Err()
		case <-time.After(poll + rand.N(jitter)):
		}
	}
}

// take tries to get key, and returns when it asked. The request is not cut off when
// ctx is done, for then nobody knew what came of it: what it gets too late it gives
// back.
func (l *Locker) take(ctx context.Context, key string) (asked time.Time, g grant, err error) {
	type answer struct {
		grant grant
		err   error
	}
	done, err := l.leases.Turn(ctx)
	if err != nil {
		return asked, nil, err
	}
	asked = time.Now()
	answers := make(chan answer)
	l.leases.Go(func() {
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		g, err := l.service.take(try, key, l.Config.Holder)
		done(err)
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
		return asked, a.grant, a.err
	case <-ctx.Done():
		return asked, nil, ctx.Err()
	}
}

// Holder is [locks.Locker]'s.
func (l *Locker) Holder(ctx context.Context, name string) (string, error) {
	return l.leases.Holder(ctx, name, func(ctx context.Context) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return l.service.holder(ctx, l.key(name))
	})
}

// Close lets go of all that is held. The bucket is its owner's to close.
func (l *Locker) Close() error {
	l.leases.Close()
	return nil
}
