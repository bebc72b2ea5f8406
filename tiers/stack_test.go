package tiers_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestPromotion(t *testing.T) {
	claim(t, "a fill goes to the faster caches if it is small and no zip", func(t *testing.T) {
		s, fast := newFastStack(t, has)
		for _, r := range []tiers.Ref{info, mod, zip} {
			s.asks(t, r, 1)[0].gotAll(t, content(r))
		}
		tierstest.HoldsFile(t, fast, info, content(info))
		tierstest.HoldsFile(t, fast, mod, content(mod))
		tierstest.Lacks(t, fast, version, tiers.Zip)
		tierstest.Holds(t, s.Disk, version, files)
	})

	claim(t, "a hit goes to the faster caches if it is small and no zip", func(t *testing.T) {
		s, fast := newFastStack(t, nil)
		if err := s.Save(t.Context(), version, files); err != nil {
			t.Fatal(err)
		}
		for _, r := range []tiers.Ref{info, mod, zip} {
			s.tells(t, r, "disk")
		}
		tierstest.HoldsFile(t, fast, info, content(info))
		tierstest.HoldsFile(t, fast, mod, content(mod))
		tierstest.Lacks(t, fast, version, tiers.Zip)
	})

	claim(t, "a go.mod of a MiB is served, and stays where it is", func(t *testing.T) {
		s, fast := newFastStack(t, says(make([]byte, 1<<20)))
		for _, want := range []string{"upstream", "disk"} {
			s.tells(t, mod, want)
			s.Drain(t.Context())
			tierstest.Lacks(t, fast, version)
		}
	})

	claim(t, "what was promoted to memory comes from there", func(t *testing.T) {
		s := newStack(t, has)
		mem := openMemory(t, 1<<20)
		s.Caches = []tiers.Cache{mem, s.Disk}
		for _, r := range []tiers.Ref{info, mod, zip} {
			s.tells(t, r, "upstream")
		}
		s.Drain(t.Context())
		mem.Wait()
		s.tells(t, info, "memory")
		s.tells(t, mod, "memory")
		s.tells(t, zip, "disk")
	})

	claim(t, "a file has one modification time in all tiers", func(t *testing.T) {
		s := newStack(t, has)
		mem := openMemory(t, 1<<20)
		s.Caches = []tiers.Cache{mem, s.Disk}
		filled := s.tells(t, mod, "upstream")
		s.Drain(t.Context())
		mem.Wait()
		fromMemory := s.tells(t, mod, "memory")
		s.Caches = s.Caches[1:]
		fromDisk := s.tells(t, mod, "disk")
		if !fromMemory.Equal(filled) || !fromDisk.Equal(filled) || filled.IsZero() {
			t.Errorf("ModTime: got %v from memory and %v from disk, want that of the fill, %v", fromMemory, fromDisk, filled)
		}
	})

	t.Run("a hit on disk is an open file, which the kernel can send by itself", func(t *testing.T) {
		s := newStack(t, nil)
		if err := s.Save(t.Context(), version, files); err != nil {
			t.Fatal(err)
		}
		o, err := s.Open(t.Context(), zip)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Body.Close()
		if _, ok := o.Body.(*os.File); !ok {
			t.Errorf("Body: got %T, want *os.File", o.Body)
		}
	})
}

// newFastStack returns a stack with another disk as its fastest cache, which
// unlike memory declines nothing.
func newFastStack(t *testing.T, a answer) (*stack, *tiers.Disk) {
	t.Helper()
	s := newStack(t, a)
	fast := openDisk(t, t.TempDir(), tiers.DiskLimits{})
	s.Caches = []tiers.Cache{fast, s.Disk}
	return s, fast
}

// tells checks which tier answers for r, and returns the file's time.
func (s *stack) tells(t *testing.T, r tiers.Ref, want string) time.Time {
	t.Helper()
	o, err := s.Open(t.Context(), r)
	if err != nil {
		t.Errorf("open %s: %v", r, err)
		return time.Time{}
	}
	if _, err := tierstest.ReadObject(o); err != nil {
		t.Errorf("read %s: %v", r, err)
	}
	if o.Tier != want {
		t.Errorf("open %s: got tier %q, want %q", r, o.Tier, want)
	}
	return o.ModTime
}

func TestDelete(t *testing.T) {
	claim(t, "a version is deleted from all tiers", func(t *testing.T) {
		s := newStack(t, has)
		mem := openMemory(t, 1<<20)
		s.Caches = []tiers.Cache{mem, s.Disk}
		for _, r := range []tiers.Ref{info, mod, zip} {
			s.tells(t, r, "upstream")
		}
		s.Drain(t.Context())
		mem.Wait()
		if err := s.Delete(t.Context(), version); err != nil {
			t.Errorf("delete: %v", err)
		}
		tierstest.Lacks(t, mem, version)
		tierstest.Lacks(t, s.Disk, version)
		if err := s.Delete(t.Context(), version); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("delete again: got error %v, want fs.ErrNotExist", err)
		}
	})

	claim(t, "what only a faster cache has is deleted too", func(t *testing.T) {
		s := newStack(t, nil)
		mem := openMemory(t, 1<<20)
		s.Caches = []tiers.Cache{mem, s.Disk}
		if err := mem.Put(t.Context(), mod, content(mod), time.Time{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), version); err != nil {
			t.Errorf("delete: %v", err)
		}
		tierstest.Lacks(t, mem, version)
	})
}
