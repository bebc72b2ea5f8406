package main

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/gateway/live"
	"github.com/modtier/modtier/tiers"
)

// explain says which tier holds which file of v, and what is under way with it.
func (s *service) explain(ctx context.Context, v module.Version) (*live.Explanation, error) {
	found, err := s.explainer.Explain(ctx, v)
	if err != nil {
		return nil, err
	}
	e := &live.Explanation{Module: v.Path, Version: v.Version, Time: time.Now(), Fills: []live.Fill{}, Locks: []live.Lock{}}
	for _, w := range found {
		if n := len(e.Tiers); n == 0 || e.Tiers[n-1].Tier != w.Tier {
			e.Tiers = append(e.Tiers, live.Held{Tier: w.Tier})
		}
		t := &e.Tiers[len(e.Tiers)-1]
		t.Files = append(t.Files, shownFile(w))
	}
	if s.stack.Queue != nil {
		if p, ok := s.stack.Queue.Pending(v); ok {
			e.Pending = shownPending(p)
		}
	}
	for _, f := range s.stack.Flights() {
		if f.Ref.Module() == v {
			e.Fills = append(e.Fills, shownFill(f))
		}
	}
	if s.locks != nil {
		for _, h := range s.locks.Of(v.String()) {
			e.Locks = append(e.Locks, shownLock(h))
		}
	}
	return e, nil
}

func shownFile(w tiers.Where) live.File {
	f := live.File{Kind: w.Kind.String(), Held: w.Err == nil, Size: w.Size}
	switch {
	case w.Err == nil && !w.ModTime.IsZero():
		f.ModTime = &w.ModTime
	case w.Err != nil && !errors.Is(w.Err, fs.ErrNotExist):
		f.Error = cut(w.Err.Error(), maxDetail)
	}
	return f
}
