// Package redis holds locks in Redis: one server, a master that sentinels name, or
// a cluster.
//
// A lock is a plain key, named as the lock, with a random value and an expiry; who
// wrote the value may prolong and delete the key. Behind the random part and a space
// stands who that is. Athens' locks are the same, so
// the two exclude each other. A release is published besides, on the channel
// "modtier:unlock" behind the prefix, with the key as the message.
//
// Redis replicates asynchronously. After a failover a lock may be granted twice.
package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/internal/lease"
)

// A Locker is a [locks.Locker] in Redis, made by [Open]. Those of one process who
// want the same name queue up in the process, and one of them asks Redis.
type Locker struct {
	prefix string
	holder string
	limit  time.Duration
	lease  time.Duration
	client redis.UniversalClient
	local  locks.Local
	wakes  wakes
	listen sync.Once

	life   context.Context // until Close
	end    context.CancelFunc
	mu     sync.Mutex // guards closed, and the way into work
	closed bool
	work   sync.WaitGroup // all that runs or is held
}

var _ locks.Locker = (*Locker)(nil)

var errClosed = errors.New("the locker is closed")

// Lock is [locks.Locker]'s.
func (l *Locker) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	if !l.enter() {
		return nil, nil, fmt.Errorf("redis: lock %s: %w", name, errClosed)
	}
	_, leave, err := l.local.Lock(ctx, name)
	if err != nil {
		l.work.Done()
		return nil, nil, fmt.Errorf("redis: %w", err)
	}
	key, token := l.prefix+name, rand.Text()
	if l.holder != "" {
		token += " " + l.holder
	}
	granted, err := l.wait(ctx, key, token)
	if err != nil {
		leave()
		l.work.Done()
		return nil, nil, fmt.Errorf("redis: lock %s: %w", name, err)
	}
	renewal := lease.Renewal{
		Granted: granted,
		Length:  l.lease,
		Renew:   func(ctx context.Context) error { return l.renew(ctx, key, token) },
	}
	held, unlock = lease.Hold{
		Since: granted,
		Limit: l.limit,
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
			l.release(ctx, key, token)
			leave()
			l.work.Done()
		},
	}.Start(ctx)
	return held, unlock, nil
}

// Holder is [locks.Locker]'s: what is behind the random part of the key's value.
func (l *Locker) Holder(ctx context.Context, name string) (string, error) {
	if !l.enter() {
		return "", fmt.Errorf("redis: holder of %s: %w", name, errClosed)
	}
	type answer struct {
		value string
		err   error
	}
	answers := make(chan answer, 1)
	go func() { // the client looks at ctx only between its steps
		defer l.work.Done()
		value, err := l.client.Get(ctx, l.prefix+name).Result()
		answers <- answer{value, err}
	}()
	select {
	case a := <-answers:
		switch {
		case errors.Is(a.err, redis.Nil):
			return "", nil
		case a.err != nil && ctx.Err() == nil:
			a.err = lease.Unanswered(a.err)
		}
		if a.err != nil {
			return "", fmt.Errorf("redis: holder of %s: %w", name, a.err)
		}
		_, holder, _ := strings.Cut(a.value, " ")
		return holder, nil
	case <-ctx.Done():
		return "", fmt.Errorf("redis: holder of %s: %w", name, ctx.Err())
	}
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

// Close lets go of all that is held, and ends the connections.
func (l *Locker) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.end()
	l.work.Wait()
	return l.client.Close()
}
