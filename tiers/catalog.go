package tiers

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"
)

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
			return nil, "", fmt.Errorf("catalog: %w: %q", ErrToken, token)
		}
		inner = rest
	}
	if n < 1 {
		return nil, "", fmt.Errorf("catalog: a page of %d versions", n)
	}
	for ; done < len(s.Stores); done, inner = done+1, "" {
		level := len(s.Stores) - 1 - done
		already := &alreadyIn{stores: s.Stores[level+1:]}
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
			return nil, "", fmt.Errorf("catalog: %w: %q", ErrToken, token)
		}
	}
	already := &alreadyIn{stores: s.Stores}
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
