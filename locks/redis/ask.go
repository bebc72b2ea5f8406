package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/internal/lease"
)

const (
	// poll is how often a waiter looks, if nobody tells it of a release: the
	// key of one that died, or of an Athens, goes without a word.
	poll   = 250 * time.Millisecond
	jitter = 50 * time.Millisecond

	// patience is how long an answer to a waiter may take, in all tries.
	patience = 4 * time.Second
)

// The token makes obtaining safe to repeat: the client sends a command again
// whose answer it did not get.
var (
	obtainScript = redis.NewScript(`
if redis.call("set", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then return 1 end
if redis.call("get", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("pexpire", KEYS[1], ARGV[2])`)

	renewScript = redis.NewScript(`
if redis.call("get", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("pexpire", KEYS[1], ARGV[2])`)

	// A user who may not publish may still release.
	releaseScript = redis.NewScript(`
if redis.call("get", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("del", KEYS[1])
redis.pcall("publish", ARGV[2], KEYS[1])
return 1`)
)

// win waits until a new token has the key of name.
func (l *Locker) win(ctx context.Context, name string) (lease.Grant, error) {
	key, token := l.prefix+name, rand.Text()
	if l.holder != "" {
		token += " " + l.holder
	}
	asked, err := l.wait(ctx, key, token)
	return lease.Grant{
		Asked:   asked,
		Renew:   func(ctx context.Context) error { return l.renew(ctx, key, token) },
		Release: func(ctx context.Context, _ bool) { l.release(ctx, key, token) },
	}, err
}

// wait waits until token has key, and returns when that was asked for.
func (l *Locker) wait(ctx context.Context, key, token string) (granted time.Time, err error) {
	if granted, ok, err := l.obtain(ctx, key, token); ok || err != nil {
		return granted, err
	}
	l.listen.Do(func() {
		l.leases.Go(func() { l.listenOn(l.prefix + "modtier:unlock") })
	})
	woken := l.wakes.join(key)
	defer l.wakes.leave(key)
	for {
		// Again at once, as it may have been released before the join.
		if granted, ok, err := l.obtain(ctx, key, token); ok || err != nil {
			return granted, err
		}
		select {
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		case <-woken:
		case <-time.After(poll + mathrand.N(jitter)):
		}
	}
}

// obtain tries to get key, and returns when it asked. What it got too late for ctx,
// or does not know to have got, it gives back.
func (l *Locker) obtain(ctx context.Context, key, token string) (asked time.Time, ok bool, err error) {
	type answer struct {
		ok  bool
		err error
	}
	done, err := l.leases.Turn(ctx)
	if err != nil {
		return asked, false, err
	}
	asked = time.Now()
	answers := make(chan answer)
	l.leases.Go(func() {
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		n, err := obtainScript.Run(try, l.client, []string{key}, token, l.lease.Milliseconds()).Int()
		done(err)
		a := answer{n == 1, err}
		select {
		case answers <- a:
			if err == nil {
				return
			}
		case <-ctx.Done():
			if err == nil && !a.ok {
				return
			}
		}
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), lease.Moment)
		defer cancel()
		l.release(back, key, token)
	})
	select {
	case a := <-answers:
		if a.err != nil && ctx.Err() != nil {
			return asked, false, ctx.Err()
		}
		return asked, a.ok, a.err
	case <-ctx.Done():
		return asked, false, ctx.Err()
	}
}

// renew prolongs the lease. The client looks at ctx only between its steps, so
// what it does is left alone when ctx is done.
func (l *Locker) renew(ctx context.Context, key, token string) error {
	answer := make(chan error, 1)
	l.leases.Go(func() {
		n, err := renewScript.Run(ctx, l.client, []string{key}, token, l.lease.Milliseconds()).Int()
		if err == nil && n != 1 {
			err = fmt.Errorf("%w: redis: the key is gone or another's", locks.ErrLost)
		}
		answer <- err
	})
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release gives key back if token has it, and tells those who wait. An error is of
// no use to anybody: then the lease ends by itself.
func (l *Locker) release(ctx context.Context, key, token string) {
	releaseScript.Run(ctx, l.client, []string{key}, token, l.prefix+"modtier:unlock")
}
