package tiers_test

import (
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// tellsOf checks which versions the record of s has.
func (s *stack) tellsOf(t *testing.T, vs ...module.Version) {
	t.Helper()
	tells(t, s.Record, vs...)
}

// recording gives s a record.
func (s *stack) recording(t *testing.T) *stack {
	t.Helper()
	s.Record = openRecord(t, s.Disk, 0).Record
	return s
}

func TestStackRecordsWhatItSaves(t *testing.T) {
	claim(t, "over a store: once it has the version whole, and not before", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.be(errSick)
		s := newStack(t, has).recording(t).withStores(t, &tiers.Queue{}, l)
		s.asksAll(t)
		time.Sleep(time.Minute)
		s.tellsOf(t)
		l.be(nil)
		s.settles(t)
		s.tellsOf(t, version)
		tierstest.Holds(t, l.Store, version, files)
	})

	claim(t, "over a store: not a go.mod alone", func(t *testing.T) {
		l := newLevel(t, "s3")
		s := newStack(t, has).recording(t).withStores(t, &tiers.Queue{}, l)
		s.asks(t, mod, 1)
		s.settles(t)
		s.tellsOf(t)
		s.asks(t, zip, 1)
		s.settles(t)
		s.tellsOf(t, version)
	})

	claim(t, "over two stores: once, when the first has it", func(t *testing.T) {
		minio, s3 := newLevel(t, "minio"), newLevel(t, "s3")
		s3.be(errSick)
		s := newStack(t, has).recording(t).withStores(t, &tiers.Queue{}, minio, s3)
		s.asksAll(t)
		time.Sleep(time.Minute)
		s.tellsOf(t, version)
		s3.be(nil)
		s.settles(t)
		s.tellsOf(t, version)
	})

	claim(t, "over a store: not what that has already", func(t *testing.T) {
		l := newLevel(t, "s3")
		s := newStack(t, nil).recording(t).withStores(t, &tiers.Queue{}, l)
		if err := l.Store.Save(t.Context(), version, files); err != nil {
			t.Fatal(err)
		}
		s.tells(t, zip, "s3")
		s.settles(t)
		s.tellsOf(t)
	})

	claim(t, "over a store: not what is refused as not what its name says", func(t *testing.T) {
		l := newLevel(t, "s3")
		q := &tiers.Queue{Verify: &tiers.Verifier{}}
		other := tierstest.Version(module.Version{Path: "example.com/other", Version: version.Version}, "a")
		s := newStack(t, says(nil)).recording(t).withStores(t, q, l)
		s.Save(t.Context(), version, other)
		s.settles(t)
		s.tellsOf(t)
	})

	claim(t, "over a store that is only read: nothing", func(t *testing.T) {
		l := newLevel(t, "s3")
		s := newStack(t, has).recording(t)
		s.Stores = []tiers.Level{{Name: "s3", Store: l}}
		s.asksAll(t)
		s.Drain(t.Context())
		s.tellsOf(t)
	})

	claim(t, "without stores: when disk keeps the zip, and once though it is evicted", func(t *testing.T) {
		s := newStack(t, serves).recording(t)
		for i := range 3 {
			s.asks(t, tierstest.Ref(nth(i), tiers.Mod), 1)
		}
		s.Drain(t.Context())
		s.tellsOf(t)
		for range 2 {
			for i := range 3 {
				s.asks(t, tierstest.Ref(nth(i), tiers.Zip), 2)
				s.Drain(t.Context())
			}
			for i := range 3 {
				if err := s.Forget(t.Context(), nth(i)); err != nil {
					t.Error(err)
				}
			}
		}
		s.tellsOf(t, nths(0, 3)...)
	})

	claim(t, "without stores: what is saved from outside", func(t *testing.T) {
		s := newStack(t, nil).recording(t)
		for i := range 3 {
			if err := s.Save(t.Context(), nth(i), tierstest.Version(nth(i), "a")); err != nil {
				t.Error(err)
			}
		}
		if err := s.Save(t.Context(), version, tiers.Files{Mod: files.Mod}); err != nil {
			t.Error(err)
		}
		s.tellsOf(t, nths(0, 3)...)
	})

	claim(t, "a record that cannot be written is no reason not to save", func(t *testing.T) {
		l := newLevel(t, "s3")
		s := newStack(t, has).withStores(t, &tiers.Queue{}, l)
		r, err := s.Disk.OpenRecord(0)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		s.Record = r
		s.asksAll(t)
		s.settles(t)
		tierstest.Holds(t, l.Store, version, files)
	})

	claim(t, "a version that waits at a crash is told of by the next process", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.be(errSick)
		dir := t.TempDir()
		s := newStackIn(t, dir, tiers.DiskLimits{}, has).recording(t).withStores(t, &tiers.Queue{}, l)
		s.asksAll(t)
		s.Queue.Close()
		l.be(nil)
		next := newStackIn(t, dir, tiers.DiskLimits{}, nil).recording(t).withStores(t, &tiers.Queue{}, l)
		next.settles(t)
		next.tellsOf(t, version)
	})
}
