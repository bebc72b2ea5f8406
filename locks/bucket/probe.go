package bucket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// A probe finds out what a service honours. There are some that do not know a
// condition, and answer as if it were met.
type probe struct {
	turn  chan struct{} // holds one while somebody has what follows
	known bool
	blind bool // that a removal is conditional is not honoured

	refusal error // why nothing can be locked there
	refused time.Time
}

// again is how long a refusal is believed: somebody may mend the service.
const again = time.Minute

// of returns what is known of s, or finds it out. An error that matches
// errors.ErrUnsupported says that nothing can be locked there.
func (p *probe) of(ctx context.Context, s *objects) (blind bool, err error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	switch {
	case p.known:
		return p.blind, nil
	case p.refusal != nil && time.Since(p.refused) < again:
		return false, p.refusal
	}
	p.refusal = nil
	p.blind, err = s.try(ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		p.refusal, p.refused = err, time.Now()
	}
	p.known = err == nil
	return p.blind, err
}

// try tries the conditions out on two objects, whose tags are not each other's, and
// removes them. Each request is waited for by itself: a service that takes one change a
// second of an object is slow, and not dead.
func (s *objects) try(ctx context.Context) (blind bool, err error) {
	o := patient{s.Objects}
	fail := func(err error) (bool, error) {
		return false, fmt.Errorf("trying out what the bucket can do: %w", err)
	}
	var keys, tags [2]string
	for i := range keys {
		keys[i] = s.Prefix + "lease/=probe-" + rand.Text()
		if tags[i], err = o.WriteObject(ctx, keys[i], probing(keys[i]), ""); err != nil {
			return fail(err)
		}
		defer o.RemoveObject(ctx, keys[i], "") // if that fails, it stays
	}
	for _, tag := range []string{"", tags[1]} {
		_, err := o.WriteObject(ctx, keys[0], probing(keys[0]), tag)
		if err == nil {
			return false, fmt.Errorf("the service ignores the condition of a write, so nothing can be locked there: %w", errors.ErrUnsupported)
		}
		if !errors.Is(err, fs.ErrExist) {
			return fail(err)
		}
	}
	err = o.RemoveObject(ctx, keys[0], tags[1])
	switch {
	case err == nil, errors.Is(err, errors.ErrUnsupported):
		return true, nil
	case !errors.Is(err, fs.ErrExist):
		return fail(err)
	}
	return false, nil
}

func probing(key string) []byte {
	return []byte("modtier was here to see what the bucket can do: " + key + "\n")
}

// patient gives each request time of its own.
type patient struct{ Objects }

func (p patient) WriteObject(ctx context.Context, key string, content []byte, tag string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return p.Objects.WriteObject(ctx, key, content, tag)
}

func (p patient) RemoveObject(ctx context.Context, key, tag string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return p.Objects.RemoveObject(ctx, key, tag)
}
