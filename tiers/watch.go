package tiers

import (
	"context"

	"golang.org/x/mod/module"
)

// A Watch sees the work of a stack that goes on without a request: fills, and the
// saves that come later. What it returns as a context goes with the work, and is the
// one given or made of it. Any field may be nil.
type Watch struct {
	// Fill is called before each fill, and what it returns after it.
	Fill func(ctx context.Context, r Ref) (context.Context, func(Fill))

	// Joined is called for a request that joined another one's fill, once that has
	// something to read or is over.
	Joined func(request, fill context.Context)

	// Cause returns what is to be known of the fill that a version waits for a save
	// because of. It is kept in memory for as long: nil is nothing.
	Cause func(fill context.Context) any

	// Save is called before each try to save a version, and what it returns after
	// it. The cause is nil if the version is of an earlier process.
	Save func(ctx context.Context, v module.Version, cause any) (context.Context, func(error))
}

// fill says that f begins, and returns what to call when it is over, or nil.
func (w *Watch) fill(ctx context.Context, f *flight) (context.Context, func(Fill)) {
	if w.Fill == nil {
		return ctx, nil
	}
	ctx, seen := w.Fill(ctx, f.ref)
	f.mu.Lock()
	f.ctx = ctx
	f.mu.Unlock()
	return ctx, seen
}

// joined says that ctx is of a request that follows f. A flight whose file was on
// disk after all has no fill to join.
func (w *Watch) joined(ctx context.Context, f *flight) {
	if w.Joined == nil {
		return
	}
	f.mu.Lock()
	fill := f.ctx
	f.mu.Unlock()
	if fill != nil {
		w.Joined(ctx, fill)
	}
}

func (w *Watch) cause(fill context.Context) any {
	if w.Cause == nil {
		return nil
	}
	return w.Cause(fill)
}

// save says that a save of e begins, and returns what to call when it is over, or nil.
func (w *Watch) save(ctx context.Context, e *waiting) (context.Context, func(error)) {
	if w.Save == nil {
		return ctx, nil
	}
	return w.Save(ctx, e.module(), e.cause)
}
