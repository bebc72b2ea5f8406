package tiers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/mod/module"
)

// Save keeps the files of v on disk and carries them to all stores: at once, if
// its fills do not wait for their saves, and else before it returns. What a store
// has already stays.
func (s *Stack) Save(ctx context.Context, v module.Version, f Files) error {
	s.init()
	if len(s.Stores) == 0 {
		if err := s.Disk.Save(ctx, v, f); err != nil {
			return err
		}
		if f.Zip != nil {
			s.record(v)
		}
		return nil
	}
	if s.Queue == nil {
		return fmt.Errorf("save %s: the stores are only read: %w", v, errors.ErrUnsupported)
	}
	if s.stored(ctx, v, f.Zip != nil) {
		return nil // the first save wins
	}
	names := make([]string, len(s.Stores))
	for i, l := range s.Stores {
		names[i] = l.Name
	}
	if err := s.Queue.addComing(ctx, v, f.Zip != nil, names); err != nil {
		return err
	}
	err := s.Disk.Save(ctx, v, f)
	if err != nil {
		s.Queue.cancel(v)
	} else {
		s.Queue.measure(v)
	}
	s.Queue.arrived(v)
	if err != nil {
		return err
	}
	if !s.Queue.through() {
		return nil
	}
	err = s.Queue.wait(context.WithoutCancel(ctx), v)
	if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrTooLarge) {
		return err
	}
	return nil // what could not be saved now is on disk, and in the queue
}

// stored reports whether a store has v. One that cannot be asked does not count:
// it will say so itself when v is saved there.
func (s *Stack) stored(ctx context.Context, v module.Version, whole bool) bool {
	r := Ref{v.Path, v.Version, Mod}
	if whole {
		r.Kind = Info
	}
	o, _, _ := s.look(ctx, r)
	if o == nil {
		return false
	}
	o.Body.Close()
	return true
}

// Versions lists the whole versions of path that are held, on disk or in a
// store. With an error it lists those of the tiers that could be asked.
func (s *Stack) Versions(ctx context.Context, path string) ([]string, error) {
	all, err := s.Disk.Versions(ctx, path)
	errs := []error{err}
	for _, l := range s.Stores {
		vs, err := l.Versions(ctx, path)
		all = append(all, vs...)
		errs = append(errs, err)
	}
	if len(s.Stores) > 0 {
		slices.Sort(all)
		all = slices.Compact(all)
	}
	return all, errors.Join(errs...)
}

// Delete removes v from all tiers, once the fills of its files that are in flight
// have landed.
func (s *Stack) Delete(ctx context.Context, v module.Version) error {
	s.init()
	if err := s.landings(ctx, v); err != nil {
		return err
	}
	absent := true
	if s.Queue != nil {
		if err := s.Queue.remove(ctx, v); err != nil {
			return err
		}
	}
	for _, l := range slices.Backward(s.Stores) { // slowest first: nothing is filled again
		err := l.Delete(ctx, v)
		if err == nil {
			absent = false
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	err := s.Forget(ctx, v)
	if errors.Is(err, fs.ErrNotExist) && !absent {
		return nil
	}
	return err
}

// landings waits until no fill of a file of v is in flight.
func (s *Stack) landings(ctx context.Context, v module.Version) error {
	for _, k := range []Kind{Info, Mod, Zip} {
		s.mu.Lock()
		f := s.flights[Ref{v.Path, v.Version, k}]
		s.mu.Unlock()
		if f == nil {
			continue
		}
		if err := f.until(ctx, func() bool { return f.landed }); err != nil {
			return fmt.Errorf("delete %s: waiting for a fill of it to end: %w", v, err)
		}
	}
	return nil
}

// Forget removes v from the caches. The stores keep it.
func (s *Stack) Forget(ctx context.Context, v module.Version) error {
	absent := true
	for _, c := range slices.Backward(s.Caches) { // slowest first: nothing is promoted again
		err := c.Delete(ctx, v)
		if err == nil {
			absent = false
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if absent {
		return fs.ErrNotExist
	}
	return nil
}
