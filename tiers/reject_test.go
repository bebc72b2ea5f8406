package tiers_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// sumsOf returns the go.sum lines of f, as a checksum database has them.
func sumsOf(t *testing.T, v module.Version, f tiers.Files) []string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "zip")
	if err := os.WriteFile(name, tierstest.Bytes(f, tiers.Zip), 0o666); err != nil {
		t.Fatal(err)
	}
	zipSum, err := dirhash.HashZip(name, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	modSum, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(f.Mod)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	name = v.Path + " " + v.Version
	return []string{name + " " + zipSum, name + "/go.mod " + modSum}
}

// drippingZips has its zips in pieces.
type drippingZips struct {
	tiers.Store
	*drip
}

func (z drippingZips) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	if r.Kind == tiers.Zip {
		return z.answer(ctx, r)
	}
	return z.Store.Open(ctx, r)
}

// tamperedUpstream serves other files than the checksum database vouches for,
// until it is told to mend its ways.
func tamperedUpstream(t *testing.T) (s *stack, l *level, mended *atomic.Bool, results chan string) {
	mended = new(atomic.Bool)
	other := tierstest.Version(version, "other")
	l = newLevel(t, "s3")
	lines := sumsOf(t, version, files)
	results = make(chan string, 100)
	q := &tiers.Queue{Verify: &tiers.Verifier{
		Sums:     func(context.Context, module.Version) ([]string, error) { return lines, nil },
		Verified: func(result string) { results <- result },
	}}
	s = newStack(t, func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
		if !mended.Load() && r.Kind != tiers.Info {
			return tiers.NewObject(tierstest.Bytes(other, r.Kind), time.Time{}, "upstream"), nil
		}
		return has(ctx, r)
	}).withStores(t, q, l)
	return s, l, mended, results
}

func TestTamperedUpstreamNeverReachesAStore(t *testing.T) {
	for _, r := range []tiers.Ref{mod, zip} {
		claim(t, "a "+r.Kind.String()+" with another hash", func(t *testing.T) {
			s, l, mended, results := tamperedUpstream(t)
			s.asks(t, r, 1)
			s.settles(t)
			synctest.Wait()
			if got := l.saved(); len(got) > 0 {
				t.Errorf("saves: got %v, want none", got)
			}
			if got := <-results; got != "corrupt" {
				t.Errorf("verification: got %q, want corrupt", got)
			}
			tierstest.Lacks(t, s.Disk, version, tiers.Mod, tiers.Zip)
			if n := s.entries(t); n != 0 {
				t.Errorf("entries on disk: got %d, want 0", n)
			}

			s.asks(t, r, 1)[0].failed(t, tiers.ErrCorrupt) // the next client
			tierstest.Lacks(t, s.Disk, version, r.Kind)

			mended.Store(true)
			s.asksAll(t)
			s.settles(t)
			tierstest.Holds(t, l.Store, version, files)
		})
	}

	claim(t, "if fills wait for their saves, not even the first client gets it", func(t *testing.T) {
		for _, r := range []tiers.Ref{mod, zip} {
			s, l, _, _ := tamperedUpstream(t)
			s.Queue.Through = true
			s.asks(t, r, 1)[0].failed(t, tiers.ErrCorrupt)
			s.settles(t)
			if got := l.saved(); len(got) > 0 {
				t.Errorf("saves: got %v, want none", got)
			}
		}
	})

	claim(t, "a file that is rejected while it is promoted stays in no cache", func(t *testing.T) {
		s, _, _, results := tamperedUpstream(t)
		fast := slowPuts{openDisk(t, t.TempDir(), tiers.DiskLimits{}), make(chan struct{})}
		s.Caches = []tiers.Cache{fast, s.Disk}
		s.asks(t, mod, 1)
		if got := <-results; got != "corrupt" {
			t.Errorf("verification: got %q, want corrupt", got)
		}
		close(fast.let)
		synctest.Wait()
		tierstest.Lacks(t, fast, version, tiers.Mod)
		s.asks(t, mod, 1)[0].failed(t, tiers.ErrCorrupt)
	})

	claim(t, "a version that is rejected while it flies, and breaks off, is no mixture", func(t *testing.T) {
		s, l, _, results := tamperedUpstream(t)
		all := content(zip)
		d := newDrip(int64(len(all)))
		s.Stores[0].Store = drippingZips{l, d}
		c := s.asks(t, zip, 1)[0]
		d.send(t, all[:100])
		s.asks(t, mod, 1)
		if got := <-results; got != "corrupt" {
			t.Errorf("verification: got %q, want corrupt", got)
		}
		synctest.Wait()
		d.end(errors.New("connection reset")) // and the upstream has another zip
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.err == nil || !bytes.HasPrefix(all, c.got) {
			t.Errorf("client: got %d bytes, error %v; want the beginning of one file and an error", len(c.got), c.err)
		}
	})

	claim(t, "an info of another version is served to nobody", func(t *testing.T) {
		l := newLevel(t, "s3")
		other := tierstest.Version(module.Version{Path: version.Path, Version: "v9.9.9"}, "a")
		s := newStack(t, says(other.Info)).withStores(t, &tiers.Queue{Verify: &tiers.Verifier{}}, l)
		s.asks(t, info, 1)[0].failed(t, tiers.ErrCorrupt)
		tierstest.Lacks(t, s.Disk, version)
	})

	claim(t, "a version that the database does not know is given up after a few tries, and stays in the caches", func(t *testing.T) {
		l := newLevel(t, "s3")
		q := &tiers.Queue{Verify: &tiers.Verifier{
			Sums: func(context.Context, module.Version) ([]string, error) { return nil, tiers.ErrUnknown },
		}}
		s := newStack(t, has).withStores(t, q, l)
		s.asks(t, mod, 1)
		s.settles(t)
		if got := l.saved(); len(got) > 0 {
			t.Errorf("saves: got %v, want none", got)
		}
		tierstest.HoldsFile(t, s.Disk, mod, content(mod))
	})

	claim(t, "while the database cannot be asked nothing is saved, and nothing is lost", func(t *testing.T) {
		l := newLevel(t, "s3")
		var well atomic.Bool
		lines := sumsOf(t, version, files)
		q := &tiers.Queue{Verify: &tiers.Verifier{
			Sums: func(context.Context, module.Version) ([]string, error) {
				if !well.Load() {
					return nil, errSick
				}
				return lines, nil
			},
		}}
		s := newStack(t, has).withStores(t, q, l)
		s.asksAll(t)
		time.Sleep(time.Hour)
		if got := l.saved(); len(got) > 0 {
			t.Errorf("saves: got %v, want none", got)
		}
		well.Store(true)
		s.settles(t)
		tierstest.Holds(t, l.Store, version, files)
	})
}

// slowPuts is a cache whose Puts wait until let is closed.
type slowPuts struct {
	*tiers.Disk
	let chan struct{}
}

func (c slowPuts) Put(ctx context.Context, r tiers.Ref, b []byte, modTime time.Time) error {
	<-c.let
	return c.Disk.Put(ctx, r, b, modTime)
}
