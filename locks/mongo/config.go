package mongo

import (
	"cmp"
	"context"
	"errors"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/modtier/modtier/locks/internal/lease"
)

// A Config says where the locks are.
type Config struct {
	// Database is where the collection is. Whoever has connected to it
	// disconnects, after [Locker.Close].
	Database *driver.Database

	// Collection has the locks and nothing else; "" is modtier_locks. The
	// server makes it with the first lock.
	Collection string

	// TTL is how long one holder may hold a lock at all. 0 is 15 minutes.
	TTL time.Duration

	// Lease is how long a lock outlives a holder that died, at least a second.
	// 0 is 15 seconds. Those who wait go by the lease of the holder.
	Lease time.Duration

	// Holder is what [Locker.Holder] tells others of a lock's holder. It may
	// be empty.
	Holder string

	// Prefix goes before the name of a lock. Fleets with different ones do not
	// exclude each other.
	Prefix string
}

// remembered is how many locks a process has watched and still knows of. One that
// is forgotten is watched for a lease from anew.
const remembered = 1024

// Open makes a Locker of c. It asks nobody: a database that is not there shows with
// the first lock.
func Open(ctx context.Context, c Config) (*Locker, error) {
	switch {
	case c.Database == nil:
		return nil, errors.New("mongo: there is no database for the locks")
	case c.TTL < 0:
		return nil, errors.New("mongo: the TTL of a lock is not above 0")
	case c.Lease != 0 && c.Lease < time.Second:
		return nil, errors.New("mongo: the lease of a lock is shorter than a second")
	}
	seen, err := lru.New[string, sighting](remembered)
	if err != nil {
		return nil, err
	}
	l := &Locker{
		// A lock that only one server knows of is granted again by the next
		// primary, and a secondary may know nothing of it yet.
		docs: c.Database.Collection(cmp.Or(c.Collection, "modtier_locks"), options.Collection().
			SetWriteConcern(writeconcern.Majority()).SetReadPreference(readpref.Primary())),
		prefix: c.Prefix,
		holder: c.Holder,
		limit:  cmp.Or(c.TTL, 15*time.Minute),
		lease:  cmp.Or(c.Lease, 15*time.Second),
		seen:   seen,
	}
	l.leases = lease.New(ctx, "mongo", l.lease, l.limit, l.win)
	return l, nil
}
