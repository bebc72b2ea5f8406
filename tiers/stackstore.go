package tiers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"
)

// Save keeps the files of v on disk and carries them to all stores: at once, if
// its fills do not wait for their saves, and else before it returns. What a store
// has already stays.
func (s *Stack) Save(ctx context.Context, v module.Version, f Files) error {
	s.init()
	if len(s.Stores) == 0 {
		return s.Disk.Save(ctx, v, f)
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
	if err := s.Queue.addComing(v, f.Zip != nil, names); err != nil {
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
	if errors.Is(err, ErrCorrupt) {
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
	for _, l := range slices.Backward(s.Stores) {
		if o, err := l.Open(ctx, r); err == nil {
			o.Body.Close()
			return true
		}
	}
	return false
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

// Catalog lists the whole versions that are held: those of the slowest store,
// then of each faster one those that no slower one has, and at last those that
// wait for a save. Without stores it is the disk's.
//
// A token is the number of stores that are done with, a colon, and the token of
// the store that comes next. The first page waits for a moment for saves under way:
// what moves from the queue to a store that is done with would be missed.
func (s *Stack) Catalog(ctx context.Context, token string, n int) (vs []module.Version, next string, err error) {
	s.init()
	if len(s.Stores) == 0 {
		return s.Disk.Catalog(ctx, token, n)
	}
	done, inner := 0, ""
	if token == "" && s.Queue != nil {
		ctx, cancel := context.WithTimeout(ctx, catalogPatience)
		s.Queue.attempt(ctx)
		cancel()
	}
	if token != "" {
		number, rest, ok := strings.Cut(token, ":")
		done, err = strconv.Atoi(number)
		if !ok || err != nil || done < 0 || done > len(s.Stores) || strconv.Itoa(done) != number {
			return nil, "", fmt.Errorf("catalog: %q is no token of this stack", token)
		}
		inner = rest
	}
	if n < 1 {
		return nil, "", fmt.Errorf("catalog: a page of %d versions", n)
	}
	for ; done < len(s.Stores); done, inner = done+1, "" {
		level := len(s.Stores) - 1 - done
		already := s.newAlreadyIn(level + 1)
		for {
			page, more, err := s.Stores[level].Catalog(ctx, inner, n-len(vs))
			if err != nil {
				return nil, "", err
			}
			for _, v := range page {
				has, err := already.has(ctx, v)
				if err != nil {
					return nil, "", err
				}
				if !has {
					vs = append(vs, v)
				}
			}
			if inner = more; inner == "" {
				break
			}
			if len(vs) == n {
				return vs, strconv.Itoa(done) + ":" + inner, nil
			}
		}
		if len(vs) == n {
			return vs, strconv.Itoa(done+1) + ":", nil
		}
	}
	return s.catalogQueue(ctx, vs, inner, n)
}

const catalogPatience = 5 * time.Second

// catalogQueue adds what waits for a save and is in no store, behind token.
func (s *Stack) catalogQueue(ctx context.Context, vs []module.Version, token string, n int) ([]module.Version, string, error) {
	if s.Queue == nil {
		return vs, "", nil
	}
	if token != "" {
		path, version, _ := strings.Cut(token, "@")
		if !Canonical(module.Version{Path: path, Version: version}) {
			return nil, "", fmt.Errorf("catalog: %q is no token of this stack", token)
		}
	}
	already := s.newAlreadyIn(0)
	for _, v := range s.Queue.whole() {
		if v.String() <= token {
			continue
		}
		onDisk, err := s.Disk.whole(v)
		if err != nil {
			return nil, "", err
		}
		has, err := already.has(ctx, v)
		if err != nil {
			return nil, "", err
		}
		if has || !onDisk {
			continue
		}
		if len(vs) == n {
			return vs, strconv.Itoa(len(s.Stores)) + ":" + vs[n-1].String(), nil
		}
		vs = append(vs, v)
	}
	return vs, "", nil
}

// An alreadyIn tells which versions the stores from a level on have. A catalog has the
// versions of a module one after another, so the last answer is kept.
type alreadyIn struct {
	stores   []Level
	path     string
	versions map[string]bool
}

func (s *Stack) newAlreadyIn(from int) *alreadyIn { return &alreadyIn{stores: s.Stores[from:]} }

func (k *alreadyIn) has(ctx context.Context, v module.Version) (bool, error) {
	if len(k.stores) == 0 {
		return false, nil
	}
	if k.versions == nil || k.path != v.Path {
		k.path, k.versions = v.Path, make(map[string]bool)
		for _, l := range k.stores {
			vs, err := l.Versions(ctx, v.Path)
			if err != nil {
				return false, err
			}
			for _, version := range vs {
				k.versions[version] = true
			}
		}
	}
	return k.versions[v.Version], nil
}
