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
	for _, l := range h.Stores {
		o, err := l.Open(ctx, r)
		if err == nil {
			return o, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			sick = err
		}
	}
	if sick != nil {
		return nil, fmt.Errorf("nobody else here has it, but %w", sick) // what it holds is not known
	}
	return nil, fs.ErrNotExist
}
