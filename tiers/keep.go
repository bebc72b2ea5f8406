package tiers

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// keep gives the file of n bytes, which came from the tier at level, its name on
// disk, promotes it and ends the flight. A file that is not kept is served all the
// same; unkept is why it is not.
//
// The last byte is not served before the file is safe: on disk, in the queue if a
// store lacks it, and saved if fills wait for their saves.
func (s *Stack) keep(ctx context.Context, f *flight, n int64, level int) (unkept, err error) {
	switch {
	case s.Queue == nil || level == 0: // no store lacks it
		f.open(n)
		f.end(n, nil)
		if len(s.Stores) == 0 && f.ref.Kind == Zip {
			// Disk is all that there is to save into. Before it shows there: what it
			// has is no longer filled, and so would never be told of.
			s.record(f.ref.Module())
		}
		unkept = s.adopt(f, n)
	case f.ref.Kind == Info:
		// It is not saved by itself, but with the zip, which may be queued before
		// the process dies.
		unkept = s.adopt(f, n)
		f.open(n)
		f.end(n, nil)
	default:
		if unkept = s.enqueue(ctx, f, n, level); unkept == nil {
			f.land()
			err = s.settle(ctx, f)
		}
		if err == nil {
			f.open(n)
		}
		f.end(n, err)
	}
	if unkept == nil && err == nil {
		s.promoteFill(ctx, f, n)
	}
	return unkept, err
}

// enqueue makes durable that the stores above level lack the file, and then lets
// it show on disk. If either fails the file is served, and neither kept nor saved.
func (s *Stack) enqueue(ctx context.Context, f *flight, n int64, level int) error {
	v := f.ref.Module()
	var names []string
	for _, l := range s.Stores[:min(level, len(s.Stores))] {
		names = append(names, l.Name)
	}
	fresh, err := s.Queue.add(ctx, v, f.ref.Kind == Zip, names)
	if err != nil {
		return err
	}
	if f.grip != nil {
		s.Queue.hand(v, f.grip)
		f.grip = nil
	}
	if err := s.adopt(f, n); err != nil {
		if fresh {
			s.Queue.cancel(v)
		}
		return err
	}
	s.Queue.measure(v)
	return nil
}

// settle waits for the save of the file's version, if fills are to. That it cannot
// be saved now is nothing to its clients; that it is not what its name says is.
func (s *Stack) settle(ctx context.Context, f *flight) error {
	if !s.Queue.through() {
		return nil
	}
	err := s.Queue.wait(ctx, f.ref.Module())
	switch {
	case errors.Is(err, ErrCorrupt):
		return err
	case err == nil && !f.verified && s.suspect(f.ref.Module()):
		return fmt.Errorf("%s was rejected: %w", f.ref.Module(), ErrCorrupt) // before we came to wait
	}
	return nil // the queue has logged why, and tries again
}

// adopt gives the spool its name on disk.
func (s *Stack) adopt(f *flight, n int64) error { return s.Disk.adopt(f.spool, f.ref, n, f.start) }

// promoteFill copies what is on disk now to the faster caches.
func (s *Stack) promoteFill(ctx context.Context, f *flight, n int64) {
	if !promotable(f.ref, n) {
		return
	}
	b := make([]byte, n)
	if _, err := f.spool.file.ReadAt(b, 0); err != nil && err != io.EOF {
		s.Log.WarnContext(ctx, "a file is not promoted", "file", f.ref.String(), "err", err) // disk has it
		return
	}
	s.put(ctx, f.ref, b, f.start, len(s.Caches)-1)
}
