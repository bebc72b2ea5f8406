// Package mongo holds locks in MongoDB, and in what speaks its protocol.
//
// It inserts documents, deletes and finds them by _id, and does nothing else:
// updates, transactions, indexes of its own and the server's clock differ, or are
// missing, between the servers that there are. An insert under an _id that is taken
// fails on all of them.
//
//	{_id: "path@version", token, holder, lease, since}   the gate
//	{_id: "path@version TOKEN 1", by}                    its first beat
//	{_id: "path@version TOKEN 2", by}                    and so on
//
// Who inserts the gate has the lock, and its token is random. While it holds, it
// inserts the next beat a few times in a lease. Who waits asks for the beats after
// the last one that it knows, and if for a whole lease by its own clock there is
// none, it inserts the next beat itself. So the end of a lease is decided as the
// lock is: the _id of a beat is used once, and either the holder has it, and the
// others wait for another lease, or one of the others has it, and it alone deletes
// the gate. A holder that was paused and comes back finds that its beat is another's,
// or that its gate is, and has lost. If the other dies before it deletes the gate,
// there is no beat for a lease, and the next one takes its place.
//
// Nobody compares clocks. A holder counts its lease from when it asked for the beat,
// and one who waits counts from when it saw it, which is later. What was seen is
// remembered between two waits, since a wait may be shorter than a lease.
//
// A release deletes the gate, and then the beats. What a death leaves behind goes
// with the next lock of the name; until then, and for ever if nobody wants that
// name again, it is a few documents of some hundred bytes. The collection may be
// dropped at any time, at the cost of the locks that are held.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/internal/lease"
)

// A Locker is a [locks.Locker] in a collection, made by [Open]. Those of one process
// who want the same name queue up in the process, and one of them asks the database.
type Locker struct {
	docs   *driver.Collection
	prefix string
	holder string
	limit  time.Duration
	lease  time.Duration
	local  locks.Local
	seen   *lru.Cache[string, sighting] // by the gate's _id

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
		return nil, nil, fmt.Errorf("mongo: lock %s: %w", name, errClosed)
	}
	_, leave, err := l.local.Lock(ctx, name)
	if err != nil {
		l.work.Done()
		return nil, nil, fmt.Errorf("mongo: %w", err)
	}
	c := l.claim(name)
	granted, err := c.wait(ctx)
	if err != nil {
		leave()
		l.work.Done()
		return nil, nil, fmt.Errorf("mongo: lock %s: %w", name, err)
	}
	renewal := lease.Renewal{Granted: granted, Length: l.lease, Renew: c.beat}
	held, unlock = lease.Hold{
		Since: granted,
		Limit: l.limit,
		Keep: func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(l.life, cancel)()
			err := renewal.Keep(ctx)
			if c.lost = err != nil; c.lost || l.life.Err() == nil {
				return err
			}
			return fmt.Errorf("%w: %w", locks.ErrLost, errClosed)
		},
		Release: func(ctx context.Context) {
			c.release(ctx)
			leave()
			l.work.Done()
		},
	}.Start(ctx)
	return held, unlock, nil
}

// Holder is [locks.Locker]'s: what the gate says of it.
func (l *Locker) Holder(ctx context.Context, name string) (string, error) {
	if !l.enter() {
		return "", fmt.Errorf("mongo: holder of %s: %w", name, errClosed)
	}
	defer l.work.Done()
	id := l.prefix + name
	docs, err := l.find(ctx, id)
	if err != nil {
		return "", fmt.Errorf("mongo: holder of %s: %w", name, err)
	}
	return docs[id].Holder, nil
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

// Close lets go of all that is held. The database's connections are its owner's.
func (l *Locker) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.end()
	l.work.Wait()
	return nil
}
