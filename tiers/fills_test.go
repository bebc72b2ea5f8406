package tiers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestFills(t *testing.T) {
	claim(t, "hits never wait for fills", func(t *testing.T) {
		s := newStack(t, hangs)
		s.Fills = 1
		if err := s.Save(t.Context(), version, files); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			s.ask(t, tierstest.Ref(module.Version{Path: "example.com/slow", Version: fmt.Sprintf("v1.0.%d", i)}, tiers.Zip))
		}
		synctest.Wait()
		for _, r := range []tiers.Ref{info, mod, zip} {
			s.asks(t, r, 1)[0].gotAll(t, content(r))
		}
		s.asked(t, 1)
	})

	claim(t, "no more requests than Fills reach the upstream at once", func(t *testing.T) {
		s := newStack(t, func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
			time.Sleep(time.Second)
			return tiers.NewObject(tierstest.Version(r.Module(), "a").Mod, time.Time{}, "upstream"), nil
		})
		s.Fills = 3
		var clients []*client
		for i := range 10 {
			clients = append(clients, s.ask(t, tierstest.Ref(module.Version{Path: "example.com/many", Version: fmt.Sprintf("v1.0.%d", i)}, tiers.Mod)))
		}
		synctest.Wait()
		s.asked(t, 3)
		if got := s.Filling(); got != 10 {
			t.Errorf("Filling: got %d, want 10", got)
		}
		s.Drain(t.Context())
		synctest.Wait()
		if got := s.origin.most.Load(); got != 3 {
			t.Errorf("at once: got %d requests, want 3", got)
		}
		for i, c := range clients {
			c.gotAll(t, tierstest.Version(module.Version{Path: "example.com/many", Version: fmt.Sprintf("v1.0.%d", i)}, "a").Mod)
		}
	})

	for _, c := range []struct {
		claim  string
		answer answer
		fills  int64
	}{
		{"a fill that gets no answer ends in time", hangs, 0},
		{"a fill whose body stalls ends in time", newStalled, 0},
		{"a fill that waits for others ends in time", hangs, 1},
	} {
		claim(t, c.claim, func(t *testing.T) {
			s := newStack(t, c.answer)
			s.Timeout = time.Minute
			s.Fills = c.fills
			start := time.Now()
			clients := append(s.asks(t, zip, 2), s.asks(t, mod, 2)...)
			s.Drain(t.Context())
			synctest.Wait()
			for _, c := range clients {
				c.failed(t, context.DeadlineExceeded)
			}
			if got := time.Since(start); got != time.Minute {
				t.Errorf("the fills ended after %v, want 1m", got)
			}
			s.keptNothing(t)
		})
	}

	claim(t, "Drain waits for the fills, and no longer than it may", func(t *testing.T) {
		s := newStack(t, hangs)
		s.Timeout = time.Minute
		s.asks(t, zip, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("drain for a second: got error %v, want context.DeadlineExceeded", err)
		}
		if err := s.Drain(t.Context()); err != nil || s.Filling() != 0 {
			t.Errorf("drain: got error %v, and %d fills left", err, s.Filling())
		}
	})

	claim(t, "a flight that landed between a miss and its fill is not flown again", func(t *testing.T) {
		s := newStack(t, has)
		s.Caches = []tiers.Cache{late{s.Disk}}
		s.tells(t, zip, "disk")
		s.asked(t, 0)
	})
}

// newStalled answers with a body that begins and does not go on.
func newStalled(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	d := newDrip(1000)
	go d.w.Write([]byte("PK"))
	return d.answer(ctx, r)
}

// A late disk gets the files of version just after it was asked for them.
type late struct{ *tiers.Disk }

func (l late) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	o, err := l.Disk.Open(ctx, r)
	return o, errors.Join(err, l.Disk.Save(ctx, version, files))
}
