package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/modtier/modtier/locks"
)

// A Renewal keeps up a lease that ends unless it is renewed.
type Renewal struct {
	// Granted is when the lease was asked for. It counts from there: how late
	// the service granted it is not known.
	Granted time.Time

	// Length is how long the service keeps the lease after a renewal. It is
	// renewed after a third, and given up as lost a tenth before its end: the
	// service's clock may be the faster one.
	Length time.Duration

	// Renew renews the lease. It returns when ctx is done. An error that matches
	// [locks.ErrLost] says that somebody else has it, or nobody; after any other
	// it is tried again while there is time.
	Renew func(ctx context.Context) error
}

// Keep renews the lease until ctx is done, and returns nil, or until it is lost.
func (r Renewal) Keep(ctx context.Context) error {
	end := r.Granted.Add(r.Length - r.Length/10)
	next := r.Granted.Add(r.Length / 3)
	var last error
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(earlier(next, end))):
		}
		asked := time.Now()
		if !asked.Before(end) {
			if last == nil {
				last = errors.New("this process was paused")
			}
			return fmt.Errorf("%w: the lease was not renewed in time: %w", locks.ErrLost, last)
		}
		try, cancel := context.WithDeadline(ctx, earlier(end, asked.Add(min(Moment, r.Length/3))))
		err := r.Renew(try)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			end = asked.Add(r.Length - r.Length/10)
			next = asked.Add(r.Length / 3)
		case errors.Is(err, locks.ErrLost):
			return err
		default:
			last = err
			next = time.Now().Add(r.Length / 15)
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
