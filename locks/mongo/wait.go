package mongo

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

const (
	// poll is how often a waiter looks.
	poll   = 250 * time.Millisecond
	jitter = 50 * time.Millisecond

	// ahead is how many beats a waiter asks for that it does not know. There is
	// one at most, unless it is new to a lock that has been held for long.
	ahead = 10
)

// wait waits until the gate is ours, and returns when that was asked for.
func (c *claim) wait(ctx context.Context) (granted time.Time, err error) {
	for {
		granted, ok, err := c.obtain(ctx)
		if ok || err != nil {
			return granted, err
		}
		for {
			done, err := c.leases.Turn(ctx)
			if err != nil {
				return granted, err
			}
			free, ours, err := c.look(ctx)
			done(err)
			if ours || err != nil {
				return granted, err // ours if the driver has inserted it twice
			}
			if free {
				break
			}
			select {
			case <-ctx.Done():
				return granted, ctx.Err()
			case <-time.After(poll + rand.N(jitter)):
			}
		}
	}
}

// A sighting is the last beat that was seen of a gate.
type sighting struct {
	token string
	beat  int       // 0 is the gate itself
	since time.Time // when it was seen first
}

// look says whether the gate may be free, and whether it is ours. It deletes one
// that has had no beat for a lease.
func (c *claim) look(ctx context.Context) (free, ours bool, err error) {
	last, _ := c.seen.Get(c.id)
	for {
		asked := time.Now()
		docs, err := c.find(ctx, append(c.beatsAfter(last), c.id)...)
		if err != nil {
			return false, false, err
		}
		gate, there := docs[c.id]
		switch {
		case there && gate.Token == "":
			return false, false, errors.New("the document of that _id is no lock")
		case !there, gate.Token == c.token:
			c.seen.Remove(c.id)
			return !there, there, nil
		}
		now := last
		if gate.Token != last.token {
			now = sighting{token: gate.Token}
		}
		for docs[beatID(c.id, now.token, now.beat+1)].ID != "" {
			now.beat++
		}
		if now.token == last.token && now.beat == last.beat {
			if asked.Sub(last.since) < c.leaseOf(gate) {
				return false, false, nil
			}
			return true, false, c.ask(ctx, func(ctx context.Context) error {
				return c.endLease(ctx, last.token, last.beat)
			})
		}
		now.since = time.Now()
		c.seen.Add(c.id, now)
		if now.token == last.token && now.beat < last.beat+ahead {
			return false, false, nil
		}
		last = now // there may be more
	}
}

// beatsAfter are the beats to ask for after s.
func (c *claim) beatsAfter(s sighting) (ids []string) {
	if s.token == "" {
		return nil
	}
	for n := range ahead {
		ids = append(ids, beatID(c.id, s.token, s.beat+1+n))
	}
	return ids
}

// leaseOf is the lease of a gate's holder, if it is one that anybody may have.
func (l *Locker) leaseOf(gate document) time.Duration {
	if d := time.Duration(gate.Lease) * time.Millisecond; d >= time.Second && d <= l.limit {
		return d
	}
	return l.lease
}
