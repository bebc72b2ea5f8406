package memory_test

import (
	"testing"

	"context"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/memory"
	"github.com/modtier/modtier/tiers/tierstest"
	"time"
)

// settled is a cache whose Put waits until it has taken effect.
type settled struct{ *memory.Cache }

func (s settled) Put(ctx context.Context, r tiers.Ref, b []byte, modTime time.Time) error {
	defer s.Wait()
	return s.Cache.Put(ctx, r, b, modTime)
}

func TestMemoryIsACache(t *testing.T) {
	tierstest.TestCache(t, func(t *testing.T) tiers.Cache {
		m, err := memory.Open(1<<20, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Close)
		return settled{m}
	})
}
