package bucket

import (
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestTenLargeSavesAtOnceInLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	onEach(t, func(t *testing.T, s server, open func(testing.TB, server, string) *Bucket) {
		b := open(t, s, s.bucket(t))
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		var most atomic.Uint64
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				v := module.Version{Path: fmt.Sprintf("example.com/large%d", i), Version: "v1.0.0"}
				f := tierstest.Large(v, "a", 30e6)
				f.Zip = io.NewSectionReader(&sampled{r: f.Zip, most: &most}, 0, f.Zip.Size())
				if err := b.Save(t.Context(), v, f); err != nil {
					t.Error(err)
				}
				tierstest.HoldsFile(t, b, tierstest.Ref(v, tiers.Mod), f.Mod)
			})
		}
		wg.Wait()
		const limit = 64 << 20 // a fifth of all that is saved
		if got := int64(most.Load()) - int64(before.HeapInuse); got > limit {
			t.Errorf("the heap grew by %d MiB, want at most %d", got>>20, limit>>20)
		} else {
			t.Logf("the heap grew by %d MiB", got>>20)
		}
	})
}

// sampled is a file that looks at the heap now and then as it is read.
type sampled struct {
	r    io.ReaderAt
	most *atomic.Uint64
	next atomic.Int64
}

func (s *sampled) ReadAt(p []byte, off int64) (int, error) {
	if next := s.next.Load(); off >= next && s.next.CompareAndSwap(next, off+4<<20) {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		for {
			most := s.most.Load()
			if now.HeapInuse <= most || s.most.CompareAndSwap(most, now.HeapInuse) {
				break
			}
		}
	}
	return s.r.ReadAt(p, off)
}
