package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/modtier/modtier/locks"
)

// A held is the grant of a lock that is an object.
type held struct {
	*objects
	key   string
	text  text   // what the object says
	tag   string // of the object
	blind bool   // a removal cannot be conditional
}

// renew writes the object again.
func (g *held) renew(ctx context.Context) error {
	for range 2 {
		next := g.text
		next.renewal++
		tag, err := g.WriteObject(ctx, g.key, next.bytes(), g.tag)
		if err == nil {
			g.text, g.tag = next, tag
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		// It changed. Perhaps it was this one, whose answer was lost.
		if err := g.find(ctx); err != nil {
			return err
		}
	}
	return errors.New("the object of the lock changes under its holder")
}

// find looks what the tag is now. If the lock is another's, or nobody's, the error
// matches locks.ErrLost.
func (g *held) find(ctx context.Context) error {
	now, err := g.look(ctx, g.key)
	switch {
	case err != nil:
		return err
	case !now.there:
		return fmt.Errorf("%w: its object is gone", locks.ErrLost)
	case now.text.token != g.text.token:
		return fmt.Errorf("%w: its object is another's", locks.ErrLost)
	}
	g.text, g.tag = now.text, now.tag
	return nil
}

// release removes the object if it is still this one's.
func (g *held) release(ctx context.Context) error {
	if g.blind {
		return g.releaseBlind(ctx)
	}
	for range 2 {
		err := g.RemoveObject(ctx, g.key, g.tag)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := g.find(ctx); err != nil {
			return err
		}
	}
	return nil
}

// releaseBlind removes the object where the service removes what is there, whoever
// wrote it. Nobody else writes it while the lease lasts, so the lease is renewed, which
// is conditional, and what is left to do is done well within it.
func (g *held) releaseBlind(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, g.Lease/2)
	defer cancel()
	err := g.renew(ctx)
	if err != nil && !errors.Is(err, locks.ErrLost) {
		err = g.renew(ctx) // which finds out what came of the first
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	return g.RemoveObject(ctx, g.key, "")
}
