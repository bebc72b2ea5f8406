package lockstest

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/modtier/modtier/locks"
)

func testUnlock(t *testing.T, s Service) {
	name := name(t)
	l := s.Open(t)
	held, unlock := lock(t, l, name)
	next := make(chan error)
	other, ctx := s.Open(t), Within(t)
	go func() {
		_, unlock, err := other.Lock(ctx, name)
		if err == nil {
			defer unlock()
			if held.Err() == nil {
				err = errors.New("two hold it at once")
			}
		}
		next <- err
	}()
	if !isHeld(t, l, name) {
		t.Error("it is held, and the same instance got it again")
	}
	unlock()
	if held.Err() == nil {
		t.Error("it is unlocked, and held is not done")
	}
	if err := context.Cause(held); errors.Is(err, locks.ErrLost) {
		t.Errorf("the cause of the end is %v: it was unlocked, not lost", err)
	}
	if err := <-next; err != nil {
		t.Error(err)
	}
}

func testUnlockTwice(t *testing.T, s Service) {
	name := name(t)
	l, other := s.Open(t), s.Open(t)
	_, unlock := lock(t, l, name)
	unlock()
	held, _ := lock(t, l, name)
	unlock()
	if err := context.Cause(held); err != nil {
		t.Errorf("an old unlock ended the hold of another: %v", err)
	}
	if !isHeld(t, other, name) {
		t.Error("an old unlock released the lock of another")
	}
}

func testValues(t *testing.T, s Service) {
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(Within(t), key{}, "value"))
	held, unlock, err := s.Open(t).Lock(ctx, name(t))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	cancel()
	if err := context.Cause(held); err != nil {
		t.Errorf("held ended with its context: %v", err)
	}
	if got := held.Value(key{}); got != "value" {
		t.Errorf("held has %v, want the value of the context", got)
	}
	if _, ok := held.Deadline(); ok {
		t.Error("held has the deadline of the context")
	}
}

func testStolen(t *testing.T, s Service) {
	if s.Steal == nil {
		t.Skip("nobody can take such a lock away")
	}
	name := name(t)
	l := s.Open(t)
	held, unlock := lock(t, l, name)
	s.Steal(t, name)
	thief, _ := lock(t, s.Open(t), name)
	WaitLost(t, held)
	unlock()
	if !isHeld(t, l, name) {
		t.Error("the unlock of a lost lock released that of another")
	}
	if err := context.Cause(thief); err != nil {
		t.Errorf("the unlock of a lost lock ended the hold of another: %v", err)
	}
}

func testLimit(t *testing.T, s Service) {
	if s.Limited == nil {
		t.Skip("there is no limit")
	}
	name := name(t)
	l := s.Limited(t)
	held, unlock := lock(t, l, name)
	_, next := lock(t, s.Open(t), name)
	if err := context.Cause(held); !errors.Is(err, locks.ErrLost) {
		t.Errorf("another holds it, and held ended with %v", err)
	}
	next()
	// Nor does a holder that is stuck keep its own process from it.
	_, again := lock(t, l, name)
	unlock()
	again()
}

func testHolder(t *testing.T, s Service) {
	if s.Named == nil {
		t.Skip("there are no others")
	}
	const first, second = "http://10.0.0.1:3000/a?b=c", "http://[::1]:3000"
	name := name(t)
	one, two, nameless := s.Named(t, first), s.Named(t, second), s.Open(t)
	want := func(holder string) {
		t.Helper()
		for _, l := range []locks.Locker{one, two, nameless} {
			got, err := l.Holder(Within(t), name)
			if err != nil || got != holder {
				t.Errorf("the holder is %q, %v, want %q", got, err, holder)
			}
		}
	}
	want("")
	_, unlock := lock(t, one, name)
	lock(t, s.Named(t, "http://another"), name+"/v2") // whose name begins as this one
	want(first)
	got := make(chan func())
	go func() {
		_, unlock, err := two.Lock(Within(t), name)
		if err != nil {
			t.Error(err)
			unlock = func() {}
		}
		got <- unlock
	}()
	if !isHeld(t, nameless, name) {
		t.Error("it is held, and another got it")
	}
	want(first)
	unlock()
	unlock = <-got
	want(second)
	unlock()
	_, unlock = lock(t, nameless, name)
	want("")
	unlock()
}

func testClose(t *testing.T, s Service) {
	name := name(t)
	l := s.Open(t)
	closer, ok := l.(io.Closer)
	if !ok {
		t.Skip("there is nothing to close")
	}
	held, unlock := lock(t, l, name)
	closer.Close()
	WaitLost(t, held)
	lock(t, s.Open(t), name)
	unlock()
	if _, _, err := l.Lock(Within(t), name); err == nil {
		t.Error("got a lock of a closed locker")
	}
}
