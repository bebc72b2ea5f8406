package tiers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestLocker(t *testing.T) {
	// pair returns two stacks, as of two processes, over one store, one upstream
	// and one lock service.
	pair := func(t *testing.T, l *table, a answer) (first, second *stack, store *level) {
		store = newLevel(t, "s3")
		first, second = newStack(t, a), newStack(t, a)
		for _, s := range []*stack{first, second} {
			s.withStores(t, &tiers.Queue{}, store)
			s.Locker = l
		}
		return first, second, store
	}

	claim(t, "two processes fetch a zip once", func(t *testing.T) {
		l := newTable()
		d := newDrip(int64(len(content(zip))))
		first, second, _ := pair(t, l, func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
			if r == zip {
				return d.answer(ctx, r)
			}
			return has(ctx, r)
		})
		a := first.ask(t, zip)
		synctest.Wait()
		b := second.ask(t, zip)
		time.Sleep(2 * time.Second)
		d.send(t, content(zip))
		d.end(nil)
		time.Sleep(time.Minute)
		a.gotAll(t, content(zip))
		b.gotAll(t, content(zip))
		if n := second.origin.opens.Load(); n != 0 {
			t.Errorf("the second one asked the upstream %d times, want never", n)
		}
		first.settles(t)
		second.settles(t)
		synctest.Wait()
		if !l.isFree() {
			t.Error("a lock is held though all is saved")
		}
	})

	claim(t, "the lock is held until the version is saved", func(t *testing.T) {
		l := newTable()
		first, _, store := pair(t, l, has)
		store.hold = make(chan struct{})
		first.asks(t, zip, 1)[0].gotAll(t, content(zip))
		if l.isFree() {
			t.Error("the lock is free before the save")
		}
		close(store.hold)
		first.settles(t)
		synctest.Wait()
		if !l.isFree() {
			t.Error("the lock is held after the save")
		}
	})

	claim(t, "at the end all locks are let go of at once", func(t *testing.T) {
		l := &slowTable{table: newTable(), unlocked: make(chan struct{})}
		first, _, store := pair(t, l.table, func(_ context.Context, r tiers.Ref) (*tiers.Object, error) {
			return tiers.NewObject(tierstest.Bytes(tierstest.Version(r.Module(), ""), r.Kind), time.Time{}, "upstream"), nil
		})
		first.Locker = l
		store.hold = make(chan struct{})
		defer close(store.hold)
		const n = 50
		for i := range n {
			first.asks(t, tiers.Ref{Path: version.Path, Version: fmt.Sprintf("v1.0.%d", i), Kind: tiers.Zip}, 1)
		}
		if got := first.Queue.Versions(); got != n {
			t.Fatalf("%d versions wait, want %d", got, n)
		}
		go first.Queue.Close()
		synctest.Wait()
		for i := range n {
			select {
			case l.unlocked <- struct{}{}:
			default:
				t.Fatalf("at once %d locks are let go of, want %d", i, n)
			}
		}
	})

	claim(t, "the lock is let go of if the first save fails", func(t *testing.T) {
		l := newTable()
		first, _, store := pair(t, l, has)
		store.be(errSick)
		first.asks(t, zip, 1)[0].gotAll(t, content(zip))
		synctest.Wait()
		if !l.isFree() {
			t.Error("the lock is held though the save has failed")
		}
	})

	claim(t, "no lock is taken for an info, a go.mod or what a store has", func(t *testing.T) {
		l := newTable()
		first, second, _ := pair(t, l, has)
		first.asks(t, info, 1)
		first.asks(t, mod, 1)
		if l.locks != 0 {
			t.Errorf("locks: got %d, want none", l.locks)
		}
		first.asks(t, zip, 1)
		first.settles(t)
		second.asks(t, zip, 1)[0].gotAll(t, content(zip))
		if l.locks != 1 {
			t.Errorf("locks: got %d, want 1", l.locks)
		}
	})

	claim(t, "a lock service that fails costs no client anything", func(t *testing.T) {
		l := newTable()
		l.dead = errors.New("connection refused")
		first, _, store := pair(t, l, has)
		first.asksAll(t)
		first.settles(t)
		tierstest.Holds(t, store.Store, version, files)
	})

	claim(t, "a lock that is not let go of is waited for so long and no longer", func(t *testing.T) {
		l := newTable()
		if _, _, err := l.Lock(t.Context(), version.String()); err != nil {
			t.Fatal(err)
		}
		first, _, _ := pair(t, l, has)
		first.LockWait = 5 * time.Second
		c := first.asks(t, zip, 1)[0]
		time.Sleep(4 * time.Second)
		c.has(t, nil)
		time.Sleep(2 * time.Second)
		c.gotAll(t, content(zip))
	})

	claim(t, "who waits takes the file from the store as soon as it is there", func(t *testing.T) {
		l := newTable()
		if _, _, err := l.Lock(t.Context(), version.String()); err != nil {
			t.Fatal(err)
		}
		first, _, store := pair(t, l, has)
		first.LockWait = time.Hour
		c := first.asks(t, zip, 1)[0]
		if err := store.Store.Save(t.Context(), version, files); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		c.gotAll(t, content(zip))
		first.asked(t, 0)
	})

	claim(t, "a lock lost ends the save, and never a client's stream", func(t *testing.T) {
		l := newTable()
		first, _, store := pair(t, l, has)
		store.hold = make(chan struct{})
		first.asks(t, zip, 1)[0].gotAll(t, content(zip))
		l.mu.Lock()
		l.held[version.String()](errors.New("lost"))
		l.mu.Unlock()
		synctest.Wait()
		if n := first.Queue.Versions(); n != 1 {
			t.Errorf("queue: got %d versions waiting, want 1", n)
		}
		close(store.hold)
		first.settles(t)
		tierstest.Holds(t, store.Store, version, files)
		if n := len(store.saved()); n < 2 {
			t.Errorf("saves: got %d, want one that was ended and another", n)
		}
	})

	claim(t, "a store that cannot be looked into once the lock is held makes no absence", func(t *testing.T) {
		for _, dead := range []error{nil, errors.New("connection refused")} {
			l := newTable()
			l.dead = dead
			first, _, store := pair(t, l, fails(&tiers.AbsentError{}))
			first.Stores = []tiers.Level{{Name: "s3", Store: &sickens{store}}}
			first.asks(t, zip, 1)[0].failed(t, errSick)
		}
	})

	claim(t, "an unlock that takes long keeps no client from what the store has", func(t *testing.T) {
		l := &slowTable{table: newTable(), unlocked: make(chan struct{})}
		first, _, store := pair(t, l.table, has)
		first.Locker = l
		l.before = func() { store.Store.Save(t.Context(), version, files) }
		first.asks(t, zip, 1)[0].gotAll(t, content(zip))
		close(l.unlocked)
	})
}

// An unlock that takes long keeps nobody from the queue: what waits for a mutex is not
// seen in a bubble, so this is in real time.
func TestASlowUnlockKeepsNobodyFromTheQueue(t *testing.T) {
	l := &slowTable{table: newTable(), unlocked: make(chan struct{}), unlocking: make(chan struct{})}
	store := newLevel(t, "s3")
	s := newStack(t, has).withStores(t, &tiers.Queue{}, store)
	s.Locker = l
	defer close(l.unlocked)
	read := func(r tiers.Ref) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		o, err := s.Open(ctx, r)
		if err == nil {
			defer o.Body.Close()
			_, err = io.Copy(io.Discard, o.Body)
		}
		if err != nil {
			t.Errorf("open %s: %v", r, err)
		}
	}
	read(zip)
	select {
	case <-l.unlocking:
	case <-time.After(time.Minute):
		t.Fatal("the lock is not let go of")
	}
	if err := s.Forget(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	store.be(errSick)
	read(mod)
}

// A sickens is a store that answers once, and is sick from then on.
type sickens struct{ *level }

func (s *sickens) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	defer s.be(errSick)
	return s.level.Open(ctx, r)
}

// A slowTable unlocks once it may.
type slowTable struct {
	*table
	before    func() // each lock; nil is nothing
	unlocking chan struct{}
	unlocked  chan struct{}
}

func (l *slowTable) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	if l.before != nil {
		l.before()
	}
	held, unlock, err := l.table.Lock(ctx, name)
	return held, func() {
		if l.unlocking != nil {
			close(l.unlocking)
		}
		<-l.unlocked
		unlock()
	}, err
}
