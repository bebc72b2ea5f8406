package tiers

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"
)

// Catalog lists the whole versions that are held: those that wait for a save into the
// slowest store, then those of that store, and of each faster one those that no slower
// one has. Without stores it is the disk's.
//
// What is saved into another store while the pages are read may be listed twice, but is
// not missed. So that this is rare the first page waits for a moment for the saves under
// way. A page may have fewer than n versions, or none, and not be the last.
//
// A token is the number of these parts that are done with, a colon, and the token of
// the part that comes next.
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
			return nil, "", fmt.Errorf("catalog: %w: %q", ErrToken, token)
		}
		inner = rest
	}
	if n < 1 {
		return nil, "", fmt.Errorf("catalog: a page of %d versions", n)
	}
	for ; done <= len(s.Stores); done, inner = done+1, "" {
		if len(vs) == n {
			return vs, strconv.Itoa(done) + ":", nil
		}
		var page []module.Version
		if done == 0 {
			page, inner, err = s.catalogQueue(ctx, inner, n)
		} else {
			page, inner, err = s.catalogStore(ctx, len(s.Stores)-done, inner, n-len(vs))
		}
		if err != nil {
			return nil, "", err
		}
		if vs = append(vs, page...); inner != "" {
			return vs, strconv.Itoa(done) + ":" + inner, nil
		}
	}
	return vs, "", nil
}

const catalogPatience = 5 * time.Second

// catalogQueue lists at most n of what waits for a save into the slowest store.
func (s *Stack) catalogQueue(ctx context.Context, token string, n int) (vs []module.Version, next string, err error) {
	if token != "" {
		path, version, _ := strings.Cut(token, "@")
		if !Canonical(module.Version{Path: path, Version: version}) {
			return nil, "", fmt.Errorf("catalog: %w: %q", ErrToken, token)
		}
	}
	if s.Queue == nil {
		return nil, "", nil
	}
	last := len(s.Stores) - 1
	already := &alreadyIn{stores: s.Stores[last:]}
	for _, v := range s.Queue.whole(s.Stores[last].Name) {
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
			return vs, vs[n-1].String(), nil
		}
		vs = append(vs, v)
	}
	return vs, "", nil
}

// catalogStore lists, of a page of at most n of the store at level, what neither a
// slower store has nor catalogQueue lists.
func (s *Stack) catalogStore(ctx context.Context, level int, token string, n int) (vs []module.Version, next string, err error) {
	page, next, err := s.Stores[level].Catalog(ctx, token, n)
	if err != nil {
		return nil, "", err
	}
	if level == len(s.Stores)-1 {
		return page, next, nil
	}
	already := &alreadyIn{stores: s.Stores[level+1:]}
	for _, v := range page {
		has, err := already.has(ctx, v)
		if err != nil {
			return nil, "", err
		}
		if !has && !s.waits(v) {
			vs = append(vs, v)
		}
	}
	return vs, next, nil
}

// waits reports whether catalogQueue lists v, unless the slowest store has it.
func (s *Stack) waits(v module.Version) bool {
	if s.Queue == nil {
		return false
	}
	p, _ := s.Queue.Pending(v)
	if !p.Whole || !slices.Contains(p.Stores, s.Stores[len(s.Stores)-1].Name) {
		return false
	}
	onDisk, err := s.Disk.whole(v)
	return err == nil && onDisk
}

// An alreadyIn tells which versions some stores have. A catalog has the versions of
// a module one after another, so the last answer is kept.
type alreadyIn struct {
	stores   []Level
	path     string
	versions map[string]bool
}

func (a *alreadyIn) has(ctx context.Context, v module.Version) (bool, error) {
	if a.versions == nil || a.path != v.Path {
		a.path, a.versions = v.Path, make(map[string]bool)
		for _, l := range a.stores {
			vs, err := l.Versions(ctx, v.Path)
			if err != nil {
				return false, err
			}
			for _, version := range vs {
				a.versions[version] = true
			}
		}
	}
	return a.versions[v.Version], nil
}
