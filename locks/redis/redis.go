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
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/internal/lease"
)

// A Locker is a [locks.Locker] in Redis, made by [Open].
type Locker struct {
	leases *lease.Locker
	prefix string
	holder string
	lease  time.Duration
	client redis.UniversalClient
	wakes  wakes
	listen sync.Once
}

var _ locks.Locker = (*Locker)(nil)

// Lock is [locks.Locker]'s.
func (l *Locker) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	return l.leases.Lock(ctx, name)
}

// Holder is [locks.Locker]'s: what is behind the random part of the key's value.
func (l *Locker) Holder(ctx context.Context, name string) (string, error) {
	return l.leases.Holder(ctx, name, func(ctx context.Context) (string, error) {
		type answer struct {
			value string
			err   error
		}
		answers := make(chan answer, 1)
		l.leases.Go(func() { // the client looks at ctx only between its steps
			value, err := l.client.Get(ctx, l.prefix+name).Result()
			answers <- answer{value, err}
		})
		select {
		case a := <-answers:
			if a.err != nil && !errors.Is(a.err, redis.Nil) {
				return "", a.err
			}
			_, holder, _ := strings.Cut(a.value, " ")
			return holder, nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})
}

// Close lets go of all that is held, and ends the connections.
func (l *Locker) Close() error {
	l.leases.Close()
	return l.client.Close()
}
