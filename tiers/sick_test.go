package tiers_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// A sick cache cannot be asked.
type sick struct{ tiers.Cache }

var errSick = errors.New("input/output error")

func (sick) Open(context.Context, tiers.Ref) (*tiers.Object, error)  { return nil, errSick }
func (sick) Put(context.Context, tiers.Ref, []byte, time.Time) error { return errSick }

// A broken cache opens files that cannot be read.
type broken struct{ tiers.Cache }

func (b broken) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	o, err := b.Cache.Open(ctx, r)
	if err == nil {
		o.Body.Close() // reads fail from now on
	}
	return o, err
}

func TestSickCache(t *testing.T) {
	for _, where := range []string{"before", "in place of"} {
		stackWith := func(t *testing.T, answer answer) *stack {
			s := newStack(t, answer)
			s.Caches = []tiers.Cache{sick{s.Disk}, s.Disk}
			if where == "in place of" {
				s.Caches = s.Caches[:1]
			}
			return s
		}
		claim(t, "it is not fatal, "+where+" the disk", func(t *testing.T) {
			s := stackWith(t, has)
			for _, r := range []tiers.Ref{info, mod, zip} {
				s.asks(t, r, 1)[0].gotAll(t, content(r))
			}
			tierstest.Holds(t, s.Disk, version, files)
		})
		claim(t, "it is no miss, "+where+" the disk: what the upstream lacks too is not absent", func(t *testing.T) {
			s := stackWith(t, fails(&tiers.AbsentError{Text: "not found"}))
			s.asks(t, zip, 1)[0].failed(t, errSick)
			s.Upstream = nil
			s.asks(t, zip, 1)[0].failed(t, errSick)
		})
	}

	claim(t, "what it cannot say is found in a slower one", func(t *testing.T) {
		s := newStack(t, nil)
		s.Caches = []tiers.Cache{sick{s.Disk}, s.Disk}
		if err := s.Save(t.Context(), version, files); err != nil {
			t.Fatal(err)
		}
		for _, r := range []tiers.Ref{info, mod, zip} {
			s.tells(t, r, "disk")
		}
	})

	claim(t, "what it opens and cannot read is found in a slower one", func(t *testing.T) {
		s := newStack(t, nil)
		s.Upstream = nil
		s.Caches = []tiers.Cache{openMemory(t, 1<<20), broken{s.Disk}, s.Disk}
		if err := s.Save(t.Context(), version, files); err != nil {
			t.Fatal(err)
		}
		s.tells(t, info, "disk")
		s.Caches = s.Caches[:2]
		s.asks(t, mod, 1)[0].failed(t, fs.ErrClosed)
	})
}
