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
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/internal/lease"
)

// A Locker is a [locks.Locker] in a collection, made by [Open].
type Locker struct {
	leases *lease.Locker
	docs   *driver.Collection
	prefix string
	holder string
	limit  time.Duration
	lease  time.Duration
	seen   *lru.Cache[string, sighting] // by the gate's _id
}

var _ locks.Locker = (*Locker)(nil)

// Lock is [locks.Locker]'s.
func (l *Locker) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	return l.leases.Lock(ctx, name)
}

// Holder is [locks.Locker]'s: what the gate says of it.
func (l *Locker) Holder(ctx context.Context, name string) (string, error) {
	return l.leases.Holder(ctx, name, func(ctx context.Context) (string, error) {
		id := l.prefix + name
		docs, err := l.find(ctx, id)
		return docs[id].Holder, err
	})
}

// Close lets go of all that is held. The database's connections are its owner's.
func (l *Locker) Close() error {
	l.leases.Close()
	return nil
}
