// Package etcd holds locks in etcd.
//
// A process has one session, a lease that it keeps alive, and all its locks hang on
// it. A lock is a key below the lock's name and a slash, which ends in the lease's
// number; the oldest such key has the lock. Athens' locks are the same, so the two
// exclude each other.
//
// The client's own session and mutex are not used. The mutex may leave a key behind
// if its context ends while the cluster is being asked, and the session says that
// it is lost only after it was.
package etcd

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/internal/lease"
)

// A Locker is a [locks.Locker] in etcd, made by [Open].
type Locker struct {
	prefix  string
	holder  string
	limit   time.Duration
	seconds int64 // of the lease
	config  clientv3.Config

	// local keeps this process to one key of a name: the session is one, and
	// so two that want the same name would have the same key.
	local locks.Local

	life context.Context // until Close
	end  context.CancelCauseFunc
	work sync.WaitGroup // all that runs or is held

	mu      sync.Mutex // guards what follows, and the way into work
	closed  bool
	session *session // the one for new locks; nil before the first
	making  *making  // of the next one; nil if nobody is at it
	failed  error    // why the last one could not be made; nil if it could
}

var _ locks.Locker = (*Locker)(nil)

// Lock is [locks.Locker]'s.
func (l *Locker) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	if !l.enter() {
		return nil, nil, fmt.Errorf("etcd: lock %s: %w", name, lease.ErrClosed)
	}
	_, leave, err := l.local.Lock(ctx, name)
	if err != nil {
		l.work.Done()
		return nil, nil, fmt.Errorf("etcd: %w", err)
	}
	s, err := l.join(ctx)
	if err != nil {
		leave()
		l.work.Done()
		return nil, nil, fmt.Errorf("etcd: lock %s: %w", name, lease.Unanswered(ctx, err))
	}
	c := claim{session: s, prefix: l.prefix + name + "/", holder: l.holder, doubt: func() { l.doubt(s) }}
	giveUp := func(ctx context.Context) {
		c.drop(ctx)
		l.part(s)
		leave()
		l.work.Done()
	}
	if err := c.win(ctx); err != nil {
		go func() { // nobody who has given up waits for that
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lease.Moment)
			defer cancel()
			giveUp(ctx)
		}()
		return nil, nil, fmt.Errorf("etcd: lock %s: %w", name, lease.Unanswered(ctx, err))
	}
	held, unlock = lease.Hold{
		Since: time.Now(), Limit: l.limit, Keep: c.keep, Release: giveUp,
	}.Start(ctx)
	return held, unlock, nil
}

// Holder is [locks.Locker]'s: the value of the oldest key.
func (l *Locker) Holder(ctx context.Context, name string) (string, error) {
	if !l.enter() {
		return "", fmt.Errorf("etcd: holder of %s: %w", name, lease.ErrClosed)
	}
	defer l.work.Done()
	s, err := l.join(ctx)
	if err != nil {
		return "", fmt.Errorf("etcd: holder of %s: %w", name, lease.Unanswered(ctx, err))
	}
	defer l.part(s)
	try, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	prefix := l.prefix + name + "/"
	r, err := s.client.Get(try, prefix, clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortAscend))
	if err != nil {
		return "", fmt.Errorf("etcd: holder of %s: %w", name, lease.Unanswered(ctx, err))
	}
	for _, kv := range r.Kvs {
		if !strings.Contains(string(kv.Key[len(prefix):]), "/") { // else of a longer name
			return string(kv.Value), nil
		}
	}
	return "", nil
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

// Close lets go of all that is held, and ends the session and its connections.
func (l *Locker) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.end(fmt.Errorf("%w: %w", locks.ErrLost, lease.ErrClosed))
	l.work.Wait()
	if l.session == nil {
		return nil
	}
	return l.session.close()
}
