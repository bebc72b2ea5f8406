package tiers_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// entries returns how many entries of the queue lie on disk.
func (s *stack) entries(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(s.dir, ".modtier/queue"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// serves answers with the files of any version.
func serves(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	return tiers.NewObject(tierstest.Bytes(tierstest.Version(r.Module(), "a"), r.Kind), time.Time{}, "upstream"), nil
}

// nth returns version i of a module.
func nth(i int) module.Version {
	return module.Version{Path: "example.com/many", Version: fmt.Sprintf("v1.%d.0", i)}
}

func TestQueue(t *testing.T) {
	claim(t, "what waits is saved by the next process", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.be(errSick)
		dir := t.TempDir()
		s := newStackIn(t, dir, tiers.DiskLimits{}, has).withStores(t, &tiers.Queue{}, l)
		s.asksAll(t)
		s.Queue.Close()
		if n := s.entries(t); n != 1 {
			t.Errorf("entries on disk: got %d, want 1", n)
		}
		l.be(nil)
		next := newStackIn(t, dir, tiers.DiskLimits{}, fails(errSick)).withStores(t, &tiers.Queue{}, l)
		next.Start()
		if n := next.Queue.Recovered(); n != 1 {
			t.Errorf("recovered: got %d, want 1", n)
		}
		next.settles(t)
		tierstest.Holds(t, l.Store, version, files)
		next.asked(t, 0)
		if n := next.entries(t); n != 0 {
			t.Errorf("entries on disk once all is saved: got %d, want 0", n)
		}
	})

	claim(t, "the entry is on disk before the file shows", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.be(errSick)
		s := newStack(t, has).withStores(t, &tiers.Queue{}, l)
		block(t, s.dir, ".modtier/queue") // so that nothing can be queued
		s.asks(t, zip, 1)[0].gotAll(t, content(zip))
		tierstest.Lacks(t, s.Disk, version, tiers.Zip)
		if len(s.fills) != 1 || s.fills[0].Kept() {
			t.Errorf("fills: got %+v, want one that is not kept", s.fills)
		}
	})

	claim(t, "with all of it removed beneath a process, what comes next is kept and queued", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.be(errSick)
		s := newStack(t, has).withStores(t, &tiers.Queue{}, l)
		s.asks(t, mod, 1)[0].gotAll(t, content(mod))
		entries, err := os.ReadDir(s.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if err := os.RemoveAll(filepath.Join(s.dir, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
		other := tierstest.Ref(nth(1), tiers.Zip)
		want := tierstest.Bytes(tierstest.Version(nth(1), "a"), tiers.Zip)
		s.origin.answer = serves
		s.asks(t, other, 1)[0].gotAll(t, want)
		tierstest.HoldsFile(t, s.Disk, other, want)
		if n := s.entries(t); n != 1 {
			t.Errorf("entries on disk: got %d, want that of what came last", n)
		}
		l.be(nil)
		s.Queue.Wake()
		s.settles(t)
		tierstest.HoldsFile(t, l.Store, other, want)
	})

	claim(t, "what nobody has any more is forgotten", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.be(errSick)
		dir := t.TempDir()
		s := newStackIn(t, dir, tiers.DiskLimits{}, has).withStores(t, &tiers.Queue{}, l)
		s.asks(t, mod, 1)
		s.Queue.Close()
		if err := s.Forget(t.Context(), version); err != nil {
			t.Fatal(err)
		}
		l.be(nil)
		next := newStackIn(t, dir, tiers.DiskLimits{}, fails(&tiers.AbsentError{})).withStores(t, &tiers.Queue{}, l)
		next.settles(t)
		if n := next.entries(t); n != 0 {
			t.Errorf("entries on disk: got %d, want 0", n)
		}
	})

	for name, wholeOnly := range map[string]bool{"is a go.mod": false, "is nothing where stores want all of it": true} {
		claim(t, "what a crash left of a version whose zip nobody has any more "+name, func(t *testing.T) {
			l := newLevel(t, "s3")
			l.be(errSick)
			dir := t.TempDir()
			s := newStackIn(t, dir, tiers.DiskLimits{}, has).withStores(t, &tiers.Queue{}, l)
			s.asksAll(t)
			s.Queue.Close()
			names, err := filepath.Glob(filepath.Join(dir, "*", "*", "*", version.Version, "source.zip"))
			if err != nil || len(names) != 1 {
				t.Fatalf("zips on disk: got %q, %v, want one", names, err)
			}
			if err := os.Remove(names[0]); err != nil {
				t.Fatal(err)
			}
			l.be(nil)
			l.whole = wholeOnly
			next := newStackIn(t, dir, tiers.DiskLimits{}, func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
				if r == zip {
					return nil, &tiers.AbsentError{}
				}
				return has(ctx, r)
			}).withStores(t, &tiers.Queue{}, l)
			next.settles(t)
			if n := next.entries(t); n != 0 {
				t.Errorf("entries on disk: got %d, want 0", n)
			}
			tierstest.Lists(t, l.Store, version.Path)
			tierstest.Lacks(t, l.Store, version, tiers.Info)
			if wholeOnly {
				tierstest.Lacks(t, l.Store, version)
			} else {
				tierstest.HoldsFile(t, l.Store, mod, content(mod))
			}
		})
	}

	claim(t, "a zip whose info is nowhere now waits until it is", func(t *testing.T) {
		l := newLevel(t, "s3")
		var well atomic.Bool
		s := newStack(t, func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
			if r == info && !well.Load() {
				return nil, &tiers.AbsentError{}
			}
			return has(ctx, r)
		}).withStores(t, &tiers.Queue{}, l)
		s.asks(t, zip, 1)[0].gotAll(t, content(zip))
		time.Sleep(time.Hour)
		if n := s.entries(t); n != 1 {
			t.Errorf("entries on disk: got %d, want 1", n)
		}
		well.Store(true)
		s.settles(t)
		tierstest.Holds(t, l.Store, version, files)
	})

	claim(t, "what waits is not evicted, and what does not is", func(t *testing.T) {
		l := newLevel(t, "s3")
		s := newStackWithin(t, tiers.DiskLimits{Size: 20_000}, serves).withStores(t, &tiers.Queue{}, l)
		s.Disk.Counted()
		ask := func(i int) {
			s.asks(t, tierstest.Ref(nth(i), tiers.Zip), 1)
		}
		for i := range 100 {
			ask(i)
			s.settles(t)
		}
		l.be(errSick)
		for i := 100; i < 110; i++ {
			ask(i)
		}
		waiting := s.Queue.Versions()
		if waiting == 0 {
			t.Fatal("nothing waits")
		}
		s.Disk.Put(t.Context(), mod, make([]byte, 5000), time.Time{}) // would evict the oldest
		l.be(nil)
		s.Upstream = nil
		s.settles(t)
		for i := 100; i < 110; i++ {
			tierstest.Holds(t, l.Store, nth(i), tierstest.Version(nth(i), "a"))
		}
	})

	claim(t, "with the disk full of what waits files are served and not kept, and all that is kept is saved at last", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.be(errSick)
		s := newStackWithin(t, tiers.DiskLimits{Size: 20_000}, serves).withStores(t, &tiers.Queue{}, l)
		s.Disk.Counted()
		kept := 0
		for i := range 100 {
			v := nth(i)
			s.asks(t, tierstest.Ref(v, tiers.Zip), 1)[0].gotAll(t, tierstest.Bytes(tierstest.Version(v, "a"), tiers.Zip))
		}
		for _, f := range s.fills {
			if f.Ref.Kind == tiers.Zip && f.Kept() {
				kept++
			}
		}
		if kept == 0 || kept == 100 {
			t.Errorf("kept: got %d of 100, want some and not all", kept)
		}
		l.be(nil)
		s.settles(t)
		for _, f := range s.fills {
			if f.Ref.Kind == tiers.Zip && f.Kept() {
				tierstest.Holds(t, l.Store, f.Ref.Module(), tierstest.Version(f.Ref.Module(), "a"))
			}
		}
	})

	claim(t, "a save that fails is tried again, with growing pauses of a minute at most", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.be(errSick)
		s := newStack(t, has).withStores(t, &tiers.Queue{}, l)
		s.asks(t, mod, 1)
		time.Sleep(time.Hour)
		s.Queue.Close()
		times := l.times
		if n := len(times); n < 60 || n > 140 {
			t.Errorf("saves in an hour: got %d, want about 80", n)
		}
		for i := range times[1:] {
			if d := times[i+1].Sub(times[i]); d < time.Second/2 || d > time.Minute || i > 8 && d < 30*time.Second {
				t.Errorf("pause %d: got %v", i, d)
			}
		}
	})

	claim(t, "a store that is back gets all at once", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.be(errSick)
		s := newStack(t, serves).withStores(t, &tiers.Queue{}, l)
		for i := range 20 {
			s.asks(t, tierstest.Ref(nth(i), tiers.Mod), 1)
		}
		time.Sleep(time.Hour)
		l.be(nil)
		start := time.Now()
		s.Queue.Wake()
		s.settles(t)
		if d := time.Since(start); d > 0 {
			t.Errorf("drained after %v, want at once", d)
		}
	})

	claim(t, "the oldest is saved first, and no more at once than there are workers", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.hold = make(chan struct{})
		s := newStack(t, serves).withStores(t, &tiers.Queue{Workers: 2}, l)
		var want []module.Version
		for i := range 10 {
			s.asks(t, tierstest.Ref(nth(i), tiers.Mod), 1)
			time.Sleep(time.Second)
			want = append(want, nth(i))
		}
		if got := l.saved(); len(got) != 2 {
			t.Errorf("saves under way: got %d, want 2", len(got))
		}
		close(l.hold)
		s.settles(t)
		if got := l.saved(); got[0] != want[0] || got[1] != want[1] || len(got) != 10 {
			t.Errorf("saved: got %v, want %v", got, want)
		}
	})

	claim(t, "at the end it has time to finish, and leaves the rest", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.hold = make(chan struct{})
		s := newStack(t, has).withStores(t, &tiers.Queue{}, l)
		s.asks(t, mod, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Drain(ctx); err == nil {
			t.Error("drain: got no error, want one that says what is left")
		}
		s.Queue.Close()
		if n := s.entries(t); n != 1 {
			t.Errorf("entries on disk: got %d, want 1", n)
		}
	})

	claim(t, "a flush tries each once more, and does not wait for a store that is down", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.be(errSick)
		s := newStack(t, serves).withStores(t, &tiers.Queue{}, l)
		for i := range 20 {
			s.asks(t, tierstest.Ref(nth(i), tiers.Mod), 1)
		}
		time.Sleep(time.Hour)
		before, start := len(l.saved()), time.Now()
		if err := s.Flush(t.Context()); err == nil {
			t.Error("flush: got no error, want one that says what is left")
		}
		if n := len(l.saved()) - before; n != 20 || time.Since(start) > time.Second {
			t.Errorf("flush: got %d saves in %v, want 20 at once", n, time.Since(start))
		}
		l.be(nil)
		if err := s.Flush(t.Context()); err != nil {
			t.Errorf("flush with the store well: %v", err)
		}
		if n := s.entries(t); n != 0 {
			t.Errorf("entries on disk: got %d, want 0", n)
		}
	})

	claim(t, "a version deleted while it waits is not saved", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.be(errSick)
		s := newStack(t, has).withStores(t, &tiers.Queue{}, l)
		s.asksAll(t)
		synctest.Wait()
		l.be(nil)
		if err := s.Delete(t.Context(), version); err != nil {
			t.Errorf("delete: %v", err)
		}
		s.settles(t)
		tierstest.Lacks(t, l.Store, version)
		if n := s.entries(t); n != 0 {
			t.Errorf("entries on disk: got %d, want 0", n)
		}
	})
}

func TestWriteThrough(t *testing.T) {
	claim(t, "the last byte waits for the save", func(t *testing.T) {
		for _, r := range []tiers.Ref{mod, zip} {
			l := newLevel(t, "s3")
			l.hold = make(chan struct{})
			s := newStack(t, has).withStores(t, &tiers.Queue{Through: true}, l)
			c := s.asks(t, r, 1)[0]
			c.mu.Lock()
			if c.ended || len(c.got) >= len(content(r)) {
				t.Errorf("%s: got %d bytes before it was saved, want fewer than %d", r, len(c.got), len(content(r)))
			}
			c.mu.Unlock()
			close(l.hold)
			synctest.Wait()
			c.gotAll(t, content(r))
			s.settles(t)
		}
	})

	claim(t, "a save that fails is no error of the client's", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.be(errSick)
		s := newStack(t, has).withStores(t, &tiers.Queue{Through: true}, l)
		s.asksAll(t)
		l.be(nil)
		s.settles(t)
		tierstest.Holds(t, l.Store, version, files)
	})

	claim(t, "a save that hangs holds a client up for so long and no longer", func(t *testing.T) {
		l := newLevel(t, "s3")
		l.hold = make(chan struct{})
		s := newStack(t, has).withStores(t, &tiers.Queue{Through: true, Wait: time.Minute}, l)
		c := s.asks(t, zip, 1)[0]
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		c.gotAll(t, content(zip))
		close(l.hold)
		s.settles(t)
	})

	for name, q := range map[string]*tiers.Queue{
		"from so many bytes on": {Size: 5000},
		"from such an age on":   {Age: time.Hour},
	} {
		claim(t, "a queue that writes back waits for its saves "+name, func(t *testing.T) {
			l := newLevel(t, "s3")
			l.hold = make(chan struct{})
			q.Workers = 100
			s := newStack(t, serves).withStores(t, q, l)
			for i := range 20 {
				s.asks(t, tierstest.Ref(nth(i), tiers.Zip), 1)
			}
			time.Sleep(2 * time.Hour)
			c := s.asks(t, zip, 1)[0]
			c.mu.Lock()
			if c.ended {
				t.Error("the client has all before the save")
			}
			c.mu.Unlock()
			close(l.hold)
			synctest.Wait()
			c.gotAll(t, tierstest.Bytes(tierstest.Version(version, "a"), tiers.Zip))
			s.settles(t)
		})
	}
}
