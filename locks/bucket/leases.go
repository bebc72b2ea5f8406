package bucket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/modtier/modtier/locks"
)

// Leases are leases on small objects of a bucket, which end by themselves and which
// the service gives to one at a time: those of Azure Blob Storage.
type Leases interface {
	// AcquireLease takes the lease on an object for that length, under an id of
	// the caller's making, and makes the object if there is none. If somebody
	// else has the lease, the error matches fs.ErrExist; if id has it, its
	// length begins anew, so that asking again does no harm.
	AcquireLease(ctx context.Context, key, id string, length time.Duration) error

	// RenewLease lets the length begin anew. If id does not have the lease any
	// more, the error matches fs.ErrExist, or without the object fs.ErrNotExist.
	RenewLease(ctx context.Context, key, id string) error

	// ReleaseLease ends the lease. Its errors are those of RenewLease.
	ReleaseLease(ctx context.Context, key, id string) error

	// SetLeaseHolder writes down what the holder of the lease says of itself.
	// Its errors are those of RenewLease.
	SetLeaseHolder(ctx context.Context, key, id, holder string) error

	// LeaseHolder returns what was written down under the lease that there is
	// now: "" if that is nothing, or if there is none.
	LeaseHolder(ctx context.Context, key string) (string, error)
}

// The lengths that Azure grants.
const (
	shortestLease = 15 * time.Second
	longestLease  = time.Minute
)

// OpenLeases makes a Locker of c that takes leases of l. c.Lease is 15 seconds to a
// minute there, rounded up to whole ones, and c.Holder is what a header can hold. It
// asks nobody: that something is wrong with the bucket shows with the first lock.
//
// The object of a lock stays, as those of Athens do: one byte, and what its last
// holder said of itself, which nobody believes once its lease is over. [Locker.Holder]
// is "" while Athens has the lock, which says nothing; and for the length of a request
// after a new holder got it, or, if it could not write down who it is, until it renews
// the lease.
func OpenLeases(ctx context.Context, l Leases, c Config) (*Locker, error) {
	switch {
	case c.Lease != 0 && (c.Lease < shortestLease || c.Lease > longestLease):
		return nil, fmt.Errorf("bucket: a lease of %v is not between %v and %v, which is what Azure grants: mend Tiers.Locks.Lease (MODTIER_LOCKS_LEASE)",
			c.Lease, shortestLease, longestLease)
	case strings.ContainsFunc(c.Holder, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, errors.New("bucket: what the holder of a lock says has a space in it or is not ASCII, which Azure does not keep")
	}
	c, err := c.checked()
	if err != nil {
		return nil, err
	}
	return open(ctx, leases{l, c.Lease}, c), nil
}

// leases is a service of locks that are leases.
type leases struct {
	Leases
	length time.Duration
}

// take leaves time to give back what may have been granted without an answer.
func (s leases) take(ctx context.Context, key, holder string) (grant, error) {
	g := &leased{Leases: s.Leases, key: key, id: leaseID(), unsaid: holder}
	asking, cancel := context.WithTimeout(ctx, patience*3/4)
	defer cancel()
	err := s.AcquireLease(asking, key, g.id, s.length)
	switch {
	case err == nil:
		g.say(ctx)
		return g, nil
	case errors.Is(err, fs.ErrExist):
		return nil, nil
	case errors.Is(err, errors.ErrUnsupported):
		return nil, err
	}
	g.release(ctx) // an error is of no use to anybody: then the lease ends by itself
	return nil, err
}

func (s leases) holder(ctx context.Context, key string) (string, error) {
	holder, err := s.LeaseHolder(ctx, key)
	if len(holder) > maxHolder {
		return "", err
	}
	return holder, err
}

// leaseID returns a random GUID, which is what Azure takes.
func leaseID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// A leased is a lease that was taken.
type leased struct {
	Leases
	key, id string
	unsaid  string // what is still to be said to others
}

// say tells others who has the lock. They get on without knowing, so a lock is no
// worse if it cannot be said, and at the next renewal it is said again.
func (g *leased) say(ctx context.Context) {
	if g.unsaid == "" {
		return
	}
	if err := g.SetLeaseHolder(ctx, g.key, g.id, g.unsaid); err == nil {
		g.unsaid = ""
	}
}

func (g *leased) renew(ctx context.Context) error {
	err := g.RenewLease(ctx, g.key, g.id)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: bucket: the lease is gone or another's", locks.ErrLost)
	}
	if err == nil {
		g.say(ctx)
	}
	return err
}

func (g *leased) release(ctx context.Context) error { return g.ReleaseLease(ctx, g.key, g.id) }
