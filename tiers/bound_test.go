package tiers_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestBound(t *testing.T) {
	t.Run("the limit holds while many put", func(t *testing.T) {
		root := t.TempDir()
		const limit = 20000
		d := openDisk(t, root, tiers.DiskLimits{Size: limit})
		d.Counted()
		var wg sync.WaitGroup
		for g := range 16 {
			wg.Go(func() {
				for i := range 50 {
					// It may find no room among the others' files under way.
					d.Put(t.Context(), numbered(g*50+i), make([]byte, 500+20*i), time.Time{})
					if bytes, _ := d.Usage(); bytes > limit {
						t.Errorf("Usage: got %d bytes, want at most %d", bytes, limit)
					}
				}
			})
		}
		wg.Wait()
		onDisk := bytesIn(t, root)
		if bytes, _ := d.Usage(); bytes != onDisk || onDisk > limit || onDisk < limit/2 {
			t.Errorf("on disk: got %d bytes, want what Usage says, %d, and not much less than the limit, %d", onDisk, bytes, limit)
		}
	})

	t.Run("no file escapes the count while many put, open and delete", func(t *testing.T) {
		root := t.TempDir()
		const limit = 20000
		d := openDisk(t, root, tiers.DiskLimits{Size: limit})
		d.Counted()
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range 60 {
					i := rand.IntN(40)
					switch rand.IntN(8) {
					case 0:
						d.Delete(t.Context(), numbered(i).Module()) // may be absent
					case 1, 2, 3:
						tierstest.ReadFile(t.Context(), d, numbered(i)) // may be absent
					default:
						d.Put(t.Context(), numbered(i), make([]byte, 500+20*i), time.Time{}) // may find no room
					}
				}
			})
		}
		wg.Wait()
		onDisk := bytesIn(t, root)
		if bytes, _ := d.Usage(); onDisk > limit || onDisk > bytes {
			t.Errorf("on disk: got %d bytes, want at most the limit, %d, and what Usage says, %d", onDisk, limit, bytes)
		}
		// What was counted and evicted by turns may be counted still, until it
		// is asked for.
		for i := range 40 {
			tierstest.ReadFile(t.Context(), d, numbered(i))
		}
		if bytes, _ := d.Usage(); bytes != onDisk {
			t.Errorf("Usage once all were asked for: got %d bytes, want %d", bytes, onDisk)
		}
	})

	t.Run("many put into a tier that has room for one", func(t *testing.T) {
		root := t.TempDir()
		d := openDisk(t, root, tiers.DiskLimits{Size: 1000})
		d.Counted()
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() { d.Put(t.Context(), numbered(i), make([]byte, 900), time.Time{}) }) // may find no room
		}
		wg.Wait()
		if got := bytesIn(t, root); got != 900 {
			t.Errorf("on disk: got %d bytes, want 900", got)
		}
	})
}

func TestUsage(t *testing.T) {
	for name, limits := range map[string]tiers.DiskLimits{"a cache": {Size: 1 << 20}, "a store": {}} {
		t.Run(name+" tells what it holds", func(t *testing.T) {
			root := t.TempDir()
			writeAthens(t, root, version.Path+"/"+version.Version, files)
			d := openDisk(t, root, limits)
			d.Counted()
			check := func(when string, wantFiles int64) {
				t.Helper()
				if bytes, files := d.Usage(); bytes != bytesIn(t, root) || files != wantFiles {
					t.Errorf("%s: got %d bytes in %d files, want %d in %d", when, bytes, files, bytesIn(t, root), wantFiles)
				}
			}
			check("at the start", 3)
			tierstest.Holds(t, d, version, files)
			check("after a read", 3)
			other := module.Version{Path: version.Path, Version: "v1.3.0"}
			for range 2 {
				if err := d.Save(t.Context(), other, tierstest.Version(other, "a")); err != nil {
					t.Fatal(err)
				}
				check("after a save", 6)
			}
			if err := d.Delete(t.Context(), version); err != nil {
				t.Fatal(err)
			}
			check("after a delete", 3)
			write(t, root, "example.com/copied/v1.0.0/go.mod", make([]byte, 100))
			if err := d.Delete(t.Context(), module.Version{Path: "example.com/copied", Version: "v1.0.0"}); err != nil {
				t.Fatal(err)
			}
			if limits.Size > 0 {
				check("after a delete of what was copied there unseen", 3)
			}
		})
	}
}
