package tiers_test

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestStackOfTwoStores(t *testing.T) {
	two := func(t *testing.T, a answer) (s *stack, minio, s3 *level) {
		minio, s3 = newLevel(t, "minio"), newLevel(t, "s3")
		return newStack(t, a).withStores(t, &tiers.Queue{}, minio, s3), minio, s3
	}

	claim(t, "what only the slowest has is served, and ends in the faster one", func(t *testing.T) {
		s, minio, s3 := two(t, nil)
		s.Upstream = nil
		if err := s3.Store.Save(t.Context(), version, files); err != nil {
			t.Fatal(err)
		}
		s.tells(t, zip, "s3")
		s.settles(t)
		tierstest.Holds(t, minio.Store, version, files)
		if got := s3.saved(); len(got) > 0 {
			t.Errorf("s3: got saves of %v, want none of what it has", got)
		}
	})

	claim(t, "what the upstream has ends in both", func(t *testing.T) {
		s, minio, s3 := two(t, has)
		s.asksAll(t)
		s.settles(t)
		tierstest.Holds(t, minio.Store, version, files)
		tierstest.Holds(t, s3.Store, version, files)
	})

	claim(t, "with the slower one sick the faster one gets it, and the slower one later", func(t *testing.T) {
		s, minio, s3 := two(t, has)
		s3.be(errSick)
		s.asksAll(t)
		time.Sleep(time.Minute)
		tierstest.Holds(t, minio.Store, version, files)
		if n := s.Queue.Versions(); n != 1 {
			t.Errorf("queue: got %d versions waiting, want 1", n)
		}
		s3.be(nil)
		s.settles(t)
		tierstest.Holds(t, s3.Store, version, files)
		if got := minio.saved(); len(got) > 2 { // the go.mod, and the whole
			t.Errorf("minio: got %d saves, want no more once it has all", len(got))
		}
	})

	claim(t, "each is asked once for a file, and not at all for a hit", func(t *testing.T) {
		s, minio, s3 := two(t, has)
		s.asksAll(t)
		s.settles(t)
		if a, b := minio.opened(), s3.opened(); a != 3 || b != 3 {
			t.Errorf("opens: got %d and %d, want 3 each", a, b)
		}
		s.asksAll(t)
		s.settles(t)
		if a, b := minio.opened(), s3.opened(); a != 3 || b != 3 {
			t.Errorf("opens after hits: got %d and %d, want 3 each", a, b)
		}
	})

	claim(t, "one that cannot be asked is no miss", func(t *testing.T) {
		s, minio, _ := two(t, fails(&tiers.AbsentError{Text: "not found"}))
		minio.be(errSick)
		for _, r := range []tiers.Ref{info, mod, zip} {
			s.asks(t, r, 1)[0].failed(t, errSick)
		}
		s.Upstream = nil
		s.asks(t, zip, 1)[0].failed(t, errSick)
	})

	claim(t, "what all say is not there is absent", func(t *testing.T) {
		s, _, _ := two(t, fails(&tiers.AbsentError{Text: "gone", Gone: true}))
		c := s.asks(t, zip, 1)[0]
		c.failed(t, fs.ErrNotExist)
		if c.err.Error() != "gone" {
			t.Errorf("error: got %q, want the upstream's", c.err)
		}
	})

	claim(t, "where one breaks off the next goes on, and clients notice nothing", func(t *testing.T) {
		s, minio, s3 := two(t, has)
		for _, l := range []*level{minio, s3} {
			if err := l.Store.Save(t.Context(), version, files); err != nil {
				t.Fatal(err)
			}
		}
		minio.cut, s3.cut = 10, 20
		s.asksAll(t)
		s.asked(t, 3)
	})

	claim(t, "where one breaks off and the next has other content, clients get no mixture", func(t *testing.T) {
		s, minio, _ := two(t, has)
		other := tierstest.Version(version, "other")
		if err := minio.Store.Save(t.Context(), version, other); err != nil {
			t.Fatal(err)
		}
		minio.cut = other.Zip.Size() - 10
		c := s.asks(t, zip, 1)[0]
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.err == nil || !bytes.HasPrefix(tierstest.Bytes(other, tiers.Zip), c.got) {
			t.Errorf("client: got %d bytes, error %v; want the beginning of one file and an error", len(c.got), c.err)
		}
		tierstest.Lacks(t, s.Disk, version, tiers.Zip)
	})

	claim(t, "a version is deleted from both", func(t *testing.T) {
		s, minio, s3 := two(t, has)
		s.asksAll(t)
		s.settles(t)
		if err := s.Delete(t.Context(), version); err != nil {
			t.Errorf("delete: %v", err)
		}
		for _, l := range []tiers.Source{minio.Store, s3.Store, s.Disk} {
			tierstest.Lacks(t, l, version)
		}
	})

	claim(t, "the catalog has each version once, wherever it is", func(t *testing.T) {
		s, minio, s3 := two(t, nil)
		var want []module.Version
		for i, name := range []string{"v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0", "v1.4.0", "v1.5.0"} {
			v := module.Version{Path: "example.com/a", Version: name}
			for j, store := range []tiers.Store{minio.Store, s3.Store} {
				if (i+1)>>j&1 == 0 {
					continue
				}
				if err := store.Save(t.Context(), v, tierstest.Version(v, "a")); err != nil {
					t.Fatal(err)
				}
			}
			if (i+1)&3 != 0 {
				want = append(want, v)
			}
		}
		s3.be(errSick)
		minio.be(errSick)
		if err := s.Save(t.Context(), version, files); err != nil { // waits
			t.Fatal(err)
		}
		s3.be(nil)
		minio.be(nil)
		want = append(want, version)
		for n := 1; n < 9; n++ {
			tierstest.Catalogs(t, s, n, want)
		}
	})

	claim(t, "what moves while the catalog is read is not missed", func(t *testing.T) {
		for moved := range 8 {
			s, minio, s3 := two(t, nil)
			want := make(map[module.Version]bool)
			for i := range 4 {
				if err := s3.Store.Save(t.Context(), nth(4+i), tierstest.Version(nth(4+i), "a")); err != nil {
					t.Fatal(err)
				}
				s3.be(errSick)
				if i > 1 { // the first two come to be in minio
					minio.be(errSick)
				}
				if err := s.Save(t.Context(), nth(i), tierstest.Version(nth(i), "a")); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				s3.be(nil)
				minio.be(nil)
				want[nth(i)], want[nth(4+i)] = true, true
			}
			var token string
			for page := 0; page == 0 || token != ""; page++ {
				vs, next, err := s.Catalog(t.Context(), token, 1)
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range vs {
					delete(want, v)
				}
				if token = next; page == moved {
					s.Queue.Wake()
					s.settles(t)
				}
			}
			for v := range want {
				t.Errorf("with saves after page %d %s is missed", moved+1, v)
			}
		}
	})

	claim(t, "lists are the union of what is held", func(t *testing.T) {
		s, minio, s3 := two(t, has)
		other := module.Version{Path: version.Path, Version: "v1.9.0"}
		if err := s3.Store.Save(t.Context(), other, tierstest.Version(other, "a")); err != nil {
			t.Fatal(err)
		}
		minio.be(errSick)
		s.asksAll(t)
		got, err := s.Versions(t.Context(), version.Path)
		if want := []string{"v1.2.3", "v1.9.0"}; !slices.Equal(got, want) || !errors.Is(err, errSick) {
			t.Errorf("versions: got %q, error %v, want %q and that one could not be asked", got, err, want)
		}
	})
}

func TestStoresThatAreOnlyRead(t *testing.T) {
	claim(t, "nothing is saved in them", func(t *testing.T) {
		l := newLevel(t, "s3")
		s := newStack(t, has).withStores(t, nil, l)
		s.asksAll(t)
		s.settles(t)
		if got := l.saved(); len(got) > 0 {
			t.Errorf("saves: got %v, want none", got)
		}
		if err := s.Save(t.Context(), version, files); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("save: got error %v, want errors.ErrUnsupported", err)
		}
	})
}

func TestWhatIsSaved(t *testing.T) {
	claim(t, "a go.mod is saved, and its zip is not fetched for that", func(t *testing.T) {
		l := newLevel(t, "s3")
		s := newStack(t, has).withStores(t, &tiers.Queue{}, l)
		s.asks(t, mod, 1)[0].gotAll(t, content(mod))
		s.settles(t)
		tierstest.HoldsFile(t, l.Store, mod, content(mod))
		tierstest.Lacks(t, l.Store, version, tiers.Info, tiers.Zip)
		s.asked(t, 1)
	})

	claim(t, "a store that holds whole versions only gets them", func(t *testing.T) {
		l := newLevel(t, "mongo")
		l.whole = true
		s := newStack(t, has).withStores(t, &tiers.Queue{}, l)
		s.asks(t, mod, 1)[0].gotAll(t, content(mod))
		s.settles(t)
		tierstest.Holds(t, l.Store, version, files)
	})

	claim(t, "a version that is too large for a store is given up there, and saved in the other", func(t *testing.T) {
		l, other := newLevel(t, "external"), newLevel(t, "s3")
		l.be(tiers.ErrTooLarge)
		s := newStack(t, has).withStores(t, &tiers.Queue{}, l, other)
		s.asks(t, zip, 1)[0].gotAll(t, content(zip))
		s.settles(t)
		tierstest.Holds(t, other.Store, version, files)
		if got := l.saved(); len(got) != 1 {
			t.Errorf("saves: got %v, want one", got)
		}
		if n := s.entries(t); n != 0 {
			t.Errorf("entries on disk: got %d, want none", n)
		}
	})

	claim(t, "an info alone is not saved", func(t *testing.T) {
		l := newLevel(t, "s3")
		s := newStack(t, has).withStores(t, &tiers.Queue{}, l)
		s.asks(t, info, 1)[0].gotAll(t, content(info))
		s.settles(t)
		if got := l.saved(); len(got) > 0 {
			t.Errorf("saves: got %v, want none", got)
		}
	})

	claim(t, "a zip brings its info and go.mod along", func(t *testing.T) {
		l := newLevel(t, "s3")
		s := newStack(t, has).withStores(t, &tiers.Queue{}, l)
		s.asks(t, zip, 1)[0].gotAll(t, content(zip))
		s.settles(t)
		tierstest.Holds(t, l.Store, version, files)
	})
}

func TestStackOverStoresIsAStore(t *testing.T) {
	t.Parallel()
	t.Run("from its caches", func(t *testing.T) {
		tierstest.TestStore(t, func(t *testing.T) tiers.Store {
			leaveThousands(t)
			disk := openDisk(t, t.TempDir(), tiers.DiskLimits{Size: 1 << 30})
			s := &tiers.Stack{
				Caches: []tiers.Cache{openMemory(t, 1<<20), disk},
				Disk:   disk,
				Stores: []tiers.Level{{Name: "s3", Store: newLevel(t, "s3")}},
				Queue:  &tiers.Queue{},
				Log:    testLog(t),
			}
			t.Cleanup(s.Queue.Close)
			return s
		})
	})
	t.Run("from its stores", func(t *testing.T) {
		tierstest.TestStore(t, func(t *testing.T) tiers.Store {
			leaveThousands(t)
			return tierstest.Stack(t,
				tiers.Level{Name: "minio", Store: newLevel(t, "minio")},
				tiers.Level{Name: "s3", Store: newLevel(t, "s3")})
		})
	})
}
