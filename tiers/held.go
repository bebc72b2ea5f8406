package tiers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// A heldStack is a stack that asks no upstream.
type heldStack struct{ *Stack }

// Held returns s as a store of what it holds: it opens from the caches and the
// stores, without filling a cache, and never from the upstream.
func (s *Stack) Held() Store { return heldStack{s} }

func (h heldStack) Open(ctx context.Context, r Ref) (*Object, error) {
	h.init()
	o, sick := h.lookup(ctx, r)
	if o != nil {
		return o, nil
	}
	o, _, err := h.look(ctx, r)
	if o != nil {
		return o, nil
	}
	if err != nil {
		sick = err
	}
	if sick != nil {
		return nil, fmt.Errorf("nobody else here has it, but %w", sick) // what it holds is not known
	}
	return nil, fs.ErrNotExist
}

// A hereStack is what a stack has by itself.
type hereStack struct{ *Stack }

// Here returns what s has in its caches or is filling: it asks neither a store nor
// the upstream, and begins nothing.
func (s *Stack) Here() Source { return hereStack{s} }

func (h hereStack) Open(ctx context.Context, r Ref) (*Object, error) {
	h.init()
	for range 2 {
		if o, sick := h.lookup(ctx, r); o != nil || sick != nil {
			return o, sick
		}
		f := h.joinIfFilling(r)
		if f == nil {
			break
		}
		o, err := f.follow(ctx)
		h.Watch.joined(ctx, f)
		f.leave()
		if err != errLanded {
			return o, err
		}
	}
	return nil, fs.ErrNotExist
}

// look opens r in the fastest store that has it, and returns its place. If none
// has the file, sick is the last error of one that could not be asked.
func (s *Stack) look(ctx context.Context, r Ref) (o *Object, level int, sick error) {
	for level, l := range s.Stores {
		o, err := l.Open(ctx, r)
		if err == nil {
			return o, level, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			sick = err
		}
	}
	return nil, 0, sick
}
