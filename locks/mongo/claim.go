package mongo

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/internal/lease"
)

// A claim is one wish for a lock, and if it is granted the hold.
type claim struct {
	*Locker
	id    string // of the gate
	token string

	beats  int // that were inserted; once beaten, there may be one more
	beaten bool
}

func (l *Locker) claim(name string) *claim {
	return &claim{Locker: l, id: l.prefix + name, token: rand.Text()}
}

// win waits until name is granted.
func (l *Locker) win(ctx context.Context, name string) (lease.Grant, error) {
	c := l.claim(name)
	asked, err := c.wait(ctx)
	return lease.Grant{Asked: asked, Renew: c.beat, Release: c.release}, err
}

// obtain tries to insert the gate, and returns when it asked. What it got too late for
// ctx, or does not know to have got, it gives back.
func (c *claim) obtain(ctx context.Context) (asked time.Time, ok bool, err error) {
	type answer struct {
		ok  bool
		err error
	}
	done, err := c.leases.Turn(ctx)
	if err != nil {
		return asked, false, err
	}
	asked = time.Now()
	answers := make(chan answer)
	c.leases.Go(func() {
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		ok, err := c.insert(try, document{
			ID: c.id, Token: c.token, Holder: c.holder, Lease: c.lease.Milliseconds(), Since: time.Now(),
		})
		done(err)
		select {
		case answers <- answer{ok, err}:
			if err == nil {
				return
			}
		case <-ctx.Done():
		}
		// Also if there is one: it is ours if the driver has inserted it twice.
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), lease.Moment)
		defer cancel()
		c.deleteGate(back, c.id, c.token)
	})
	select {
	case a := <-answers:
		return asked, a.ok, a.err
	case <-ctx.Done():
		return asked, false, ctx.Err()
	}
}

// beat renews the lease. A beat of an earlier try whose answer was lost is no
// renewal: it may have been seen since.
func (c *claim) beat(ctx context.Context) error {
	c.beaten = true
	for {
		inserted, whose, err := c.insertBeat(ctx, c.id, c.token, c.beats+1, c.token)
		if err != nil {
			return err
		}
		if whose != c.token {
			return fmt.Errorf("%w: mongo: another has ended it", locks.ErrLost)
		}
		c.beats++
		if inserted {
			break
		}
	}
	docs, err := c.find(ctx, c.id)
	if err == nil && docs[c.id].Token != c.token {
		err = fmt.Errorf("%w: mongo: the document is gone or another's", locks.ErrLost)
	}
	return err
}

// release deletes the gate and the beats. An error is of no use to anybody: then
// the lease ends by itself. If it was lost, others may have ended it, or be about to.
func (c *claim) release(ctx context.Context, lost bool) {
	if lost {
		c.endLease(ctx, c.token, c.beats)
		return
	}
	if c.deleteGate(ctx, c.id, c.token) == nil && c.beaten {
		c.deleteBeats(ctx, c.id, c.token, c.beats+1)
	}
}

// endLease deletes the gate that has token and had n beats, if nobody is before us
// with the next one.
func (c *claim) endLease(ctx context.Context, token string, n int) error {
	_, whose, err := c.insertBeat(ctx, c.id, token, n+1, c.token)
	if err != nil || whose != c.token {
		return err
	}
	if err := c.deleteGate(ctx, c.id, token); err != nil {
		return err
	}
	c.deleteBeats(ctx, c.id, token, n+1)
	return nil
}
