package tiers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/module"
)

// An outcome is how a save of an entry went.
type outcome struct {
	left     []string // stores that still lack it
	verified bool
	zipless  bool  // it has no zip, and nobody has one for it
	err      error // nil, and stores left: these want the version whole
}

// save saves what w names into the stores that lack it.
func (q *Queue) save(ctx context.Context, w waiting) (o outcome) {
	v := w.module()
	o = outcome{left: w.Stores, verified: w.verified}
	f, err := q.stack.hold(ctx, v, w.Whole)
	o.zipless = errors.Is(err, fs.ErrNotExist) && !q.stack.hasZip(v)
	if o.zipless && w.Whole {
		// The process that queued it died before the zip had its name, and
		// nobody has it any more. The go.mod may still be worth a save.
		f, err = q.stack.hold(ctx, v, false)
	}
	if err != nil {
		o.err = err
		if o.zipless && errors.Is(err, fs.ErrNotExist) {
			o.left = nil
		}
		return o
	}
	defer f.Close()
	if !o.verified && q.Verify != nil {
		err := q.Verify.CheckVersion(ctx, v, f.Files)
		switch {
		case errors.Is(err, ErrCorrupt):
			q.stack.reject(ctx, v)
			o.left = nil
		case errors.Is(err, ErrUnknown) && w.tries >= unknownUpTo:
			err = fmt.Errorf("%w; if its name is to be kept from the database, add it to NoSumPatterns (ATHENS_GONOSUM_PATTERNS)", err)
			o.left = nil
		}
		if err != nil {
			o.err = err
			return o
		}
	}
	o.left, o.verified = nil, true
	var errs []error
	saved := false
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, g := range w.grips {
		// Whoever has the lock now saves it too; of two saves the first wins.
		defer context.AfterFunc(g.held, func() { cancel(context.Cause(g.held)) })()
	}
	for _, name := range w.Stores {
		err := q.saveInto(ctx, q.stack.Stores[q.stack.level(name)], v, f.Files)
		switch {
		case err == nil:
			saved = true
			continue
		case o.zipless && errors.Is(err, ErrWhole):
			continue
		case errors.Is(err, ErrTooLarge): // and always will be
			errs = append(errs, err)
			continue
		}
		o.left = append(o.left, name)
		if !errors.Is(err, ErrWhole) || w.Whole {
			errs = append(errs, err)
		}
	}
	if w.Whole && !o.zipless && saved {
		q.stack.record(v) // before the entry goes: until then the next process repeats it
	}
	o.err = errors.Join(errs...)
	return o
}

func (q *Queue) saveInto(ctx context.Context, s Level, v module.Version, f Files) error {
	ctx, cancel := context.WithTimeoutCause(ctx, q.stack.Timeout,
		fmt.Errorf("the save took longer than %v: %w", q.stack.Timeout, context.DeadlineExceeded))
	defer cancel()
	return s.Save(ctx, v, f)
}

// hasZip reports whether v's zip is on disk, whole or not, or on its way there, or
// whether the disk does not tell.
func (s *Stack) hasZip(v module.Version) bool {
	r := Ref{v.Path, v.Version, Zip}
	s.mu.Lock()
	f := s.flights[r]
	s.mu.Unlock()
	if f != nil {
		return true
	}
	_, _, err := s.Disk.Look(context.Background(), r) // after the flight, which is there until the file is
	return !errors.Is(err, fs.ErrNotExist)
}

// tell logs what went wrong with v.
func (q *Queue) tell(ctx context.Context, v module.Version, o outcome) {
	switch {
	case o.err == nil, errors.Is(o.err, ErrDown) && len(o.left) > 0:
		// A store that is down has said so once.
	case len(o.left) > 0:
		q.Log.WarnContext(ctx, "a version could not be saved and waits for another try", "version", v.String(), "err", o.err)
	case errors.Is(o.err, fs.ErrNotExist):
		q.Log.WarnContext(ctx, "a version that waited for a save is nowhere any more", "version", v.String(), "err", o.err)
	default:
		q.Log.ErrorContext(ctx, "a version is not saved", "version", v.String(), "err", o.err)
	}
}

// reject drops v, which is not what its name says, from the caches, and lets it
// back in only once it has been verified.
func (s *Stack) reject(ctx context.Context, v module.Version) {
	s.mu.Lock()
	s.suspects.Add(v, struct{}{})
	s.mu.Unlock()
	if err := s.Forget(ctx, v); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.Log.ErrorContext(ctx, "a version that is not what its name says stays in a cache", "version", v.String(), "err", err)
	}
}

// suspect reports whether v was rejected not long ago.
func (s *Stack) suspect(v module.Version) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.suspects.Contains(v)
}
