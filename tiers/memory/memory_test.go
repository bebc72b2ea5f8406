package memory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/memory"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settled is a cache whose Put waits until it has taken effect.
type settled struct{ *memory.Cache }

func (s settled) Put(ctx context.Context, r tiers.Ref, b []byte, modTime time.Time) error {
	defer s.Wait()
	return s.Cache.Put(ctx, r, b, modTime)
}

func open(t *testing.T, size int64, evicted func(time.Duration)) settled {
	t.Helper()
	m, err := memory.Open(size, evicted)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return settled{m}
}

func numbered(i int) tiers.Ref {
	return tiers.Ref{Path: fmt.Sprintf("example.com/m%d", i), Version: "v1.0.0", Kind: tiers.Mod}
}

func put(t *testing.T, c tiers.Cache, r tiers.Ref, b []byte) {
	t.Helper()
	if err := c.Put(t.Context(), r, b, time.Time{}); err != nil {
		t.Errorf("put %s: %v", r, err)
	}
}

func TestMemoryIsACache(t *testing.T) {
	tierstest.TestCache(t, func(t *testing.T) tiers.Cache { return open(t, 1<<20, nil) })
}

func TestBound(t *testing.T) {
	t.Run("the limit holds, small files and large", func(t *testing.T) {
		for _, size := range []int{0, 1, 1000, 50000} {
			const limit = 100000
			var evicted atomic.Int64
			m := open(t, limit, func(time.Duration) { evicted.Add(1) })
			for i := range 2000 {
				put(t, m, numbered(i), make([]byte, size))
				if bytes, _ := m.Usage(); bytes > limit {
					t.Fatalf("Usage with files of %d bytes: got %d bytes, want at most %d", size, bytes, limit)
				}
			}
			bytes, files := m.Usage()
			if files == 0 || bytes < files*int64(size) {
				t.Errorf("Usage with files of %d bytes: got %d bytes in %d files", size, bytes, files)
			}
			if got := evicted.Load(); got == 0 || got > 2000-files {
				t.Errorf("evicted with files of %d bytes: got %d of 2000, %d are held", size, got, files)
			}
		}
	})

	t.Run("what is larger than the limit is declined", func(t *testing.T) {
		m := open(t, 10000, nil)
		put(t, m, numbered(0), make([]byte, 10000))
		tierstest.Lacks(t, m, numbered(0).Module())
		if bytes, files := m.Usage(); bytes != 0 || files != 0 {
			t.Errorf("Usage: got %d bytes in %d files, want none", bytes, files)
		}
		if got := m.Limit(); got != 10000 {
			t.Errorf("Limit: got %d, want 10000", got)
		}
	})

	t.Run("a limit that is none is an error", func(t *testing.T) {
		for _, size := range []int64{0, -1} {
			if m, err := memory.Open(size, nil); err == nil {
				m.Close()
				t.Errorf("open with %d bytes: got no error, want one", size)
			}
		}
	})

	t.Run("what is deleted is counted no more", func(t *testing.T) {
		m := open(t, 1<<20, nil)
		for range 3 {
			put(t, m, numbered(0), make([]byte, 100))
			put(t, m, numbered(1), make([]byte, 100))
			before, _ := m.Usage()
			if err := m.Delete(t.Context(), numbered(0).Module()); err != nil {
				t.Errorf("delete: %v", err)
			}
			m.Wait()
			if bytes, files := m.Usage(); 2*bytes != before || files != 1 {
				t.Errorf("Usage: got %d bytes in %d files, want half of %d in 1", bytes, files, before)
			}
		}
	})
}

func TestRaces(t *testing.T) {
	t.Run("a delete finds what was put just before", func(t *testing.T) {
		m := open(t, 1<<20, nil)
		for i := range 100 {
			if err := m.Cache.Put(t.Context(), numbered(i), []byte("x"), time.Time{}); err != nil {
				t.Errorf("put: %v", err)
			}
			if err := m.Delete(t.Context(), numbered(i).Module()); err != nil {
				t.Errorf("delete: %v", err)
			}
			m.Wait()
			tierstest.Lacks(t, m, numbered(i).Module())
		}
	})

	t.Run("the count is right after more puts than can be taken in", func(t *testing.T) {
		m := open(t, 1<<30, nil)
		const n = 100000
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range n / 4 {
					m.Cache.Put(t.Context(), numbered(g*n+i), []byte("x"), time.Time{})
				}
			})
		}
		wg.Wait()
		m.Wait()
		var want int64
		for g := range 4 {
			for i := range n / 4 {
				if o, err := m.Open(t.Context(), numbered(g*n+i)); err == nil {
					o.Body.Close()
					want++
				}
			}
		}
		if _, files := m.Usage(); files != want {
			t.Errorf("Usage: got %d files, want %d", files, want)
		}
		t.Logf("%d of %d were taken in", want, n)
	})

	t.Run("what one reader saw, all see", func(t *testing.T) {
		m := open(t, 1<<20, nil)
		for i := range 200 {
			r := numbered(i)
			var first []byte
			var mu sync.Mutex // guards first
			var wg sync.WaitGroup
			for g := range 8 {
				wg.Go(func() {
					for range 4 {
						m.Cache.Put(t.Context(), r, fmt.Appendf(nil, "from %d", g), time.Time{})
						mu.Lock()
						b, err := tierstest.ReadFile(t.Context(), m, r)
						if err == nil && first == nil {
							first = b
						}
						if err == nil && !bytes.Equal(b, first) {
							t.Errorf("open %s: got %q, want what it was before, %q", r, b, first)
						}
						mu.Unlock()
					}
				})
			}
			wg.Wait()
		}
	})

	t.Run("the count is right after many put and delete", func(t *testing.T) {
		m := open(t, 50000, nil)
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 500 {
					r := numbered(i % 50)
					if (i+g)%5 == 0 {
						if err := m.Delete(t.Context(), r.Module()); err != nil && !errors.Is(err, fs.ErrNotExist) {
							t.Errorf("delete %s: %v", r, err)
						}
					} else {
						m.Cache.Put(t.Context(), r, make([]byte, 1000+g), time.Time{})
					}
				}
			})
		}
		wg.Wait()
		m.Wait()
		var want int64
		for i := range 50 {
			if _, err := tierstest.ReadFile(t.Context(), m, numbered(i)); err == nil {
				want++
			}
		}
		if bytes, files := m.Usage(); files != want || bytes < 1000*files || bytes > 1300*files {
			t.Errorf("Usage: got %d bytes in %d files, want some 1 KiB in each of %d", bytes, files, want)
		}
	})
}

func TestTheAgeOfWhatGoesIsTheTimeSinceItsLastUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ages []time.Duration
		m := open(t, 3000, func(age time.Duration) { ages = append(ages, age) })
		put(t, m, numbered(0), make([]byte, 2000))
		time.Sleep(time.Hour)
		if o, err := m.Open(t.Context(), numbered(0)); err != nil {
			t.Error(err)
		} else {
			o.Body.Close()
		}
		time.Sleep(90 * time.Second)
		for range 100 { // until they are asked for as often as what is there
			m.Open(t.Context(), numbered(1))
		}
		for range 100 {
			put(t, m, numbered(1), make([]byte, 2000))
		}
		// A use in the moment of a tick may be of either second.
		if len(ages) != 1 || (ages[0]-90*time.Second).Abs() > time.Second {
			t.Errorf("ages: got %v, want 90 seconds, once", ages)
		}
	})
}
