package lockstest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modtier/modtier/locks"
)

func testExclusion(t *testing.T, s Service) {
	const instances, each, rounds = 4, 3, 4
	name := name(t)
	ctx := Within(t)
	var counter, inside atomic.Int64
	var wg sync.WaitGroup
	for range instances {
		l := s.Open(t)
		for range each {
			wg.Go(func() {
				for range rounds {
					held, unlock, err := Insist(ctx, l, name)
					if err != nil {
						t.Errorf("lock: %v", err)
						return
					}
					if n := inside.Add(1); n != 1 {
						t.Errorf("%d hold it at once", n)
					}
					seen := counter.Load() // and not Add: only the lock makes this right
					runtime.Gosched()
					counter.Store(seen + 1)
					if err := context.Cause(held); err != nil {
						t.Errorf("held is done: %v", err)
					}
					inside.Add(-1)
					unlock()
				}
			})
		}
	}
	wg.Wait()
	if got, want := counter.Load(), int64(instances*each*rounds); got != want {
		t.Errorf("counted to %d under the lock, want %d", got, want)
	}
}

func testEverybody(t *testing.T, s Service) {
	name := name(t)
	_, unlock := lock(t, s.Open(t), name)
	ctx := Within(t)
	var wg sync.WaitGroup
	waiting := make(chan struct{}, 8)
	for range cap(waiting) {
		l := s.Open(t)
		wg.Go(func() {
			waiting <- struct{}{}
			_, unlock, err := Insist(ctx, l, name)
			if err != nil {
				t.Errorf("lock: %v", err)
				return
			}
			unlock()
		})
	}
	for range cap(waiting) {
		<-waiting
	}
	unlock()
	wg.Wait()
}

func testNames(t *testing.T, s Service) {
	l, other := s.Open(t), s.Open(t)
	n := name(t)
	all := []string{n, n + "-pre", n + "/v2", n[:len(n)-1], n + "/", "lease/" + n}
	for _, n := range all {
		lock(t, l, n)
	}
	areHeld(t, other, all)
}

func testOddNames(t *testing.T, s Service) {
	l, other := s.Open(t), s.Open(t)
	var all []string
	var unlocks []func()
	for _, odd := range []string{"github.com/Azure/sdk@v1.0.0+incompatible", "gopkg.in/yaml.v3@v3.0.1", "a b{c}*?[d]%2f@v0"} {
		n := name(t) + "/" + odd
		_, unlock := lock(t, l, n)
		all, unlocks = append(all, n), append(unlocks, unlock)
	}
	areHeld(t, other, all)
	for i, n := range all {
		unlocks[i]()
		_, unlock := lock(t, other, n)
		unlock()
	}
}

// areHeld checks that l can get none of these names now.
func areHeld(t *testing.T, l locks.Locker, names []string) {
	var all sync.WaitGroup
	for _, n := range names {
		all.Go(func() {
			if !isHeld(t, l, n) {
				t.Errorf("%s is held, and another got it", n)
			}
		})
	}
	all.Wait()
}

func testCancelledWait(t *testing.T, s Service) {
	name := name(t)
	_, unlock := lock(t, s.Open(t), name)
	for _, l := range []locks.Locker{s.Open(t), s.Open(t)} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, _, err := l.Lock(ctx, name)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the wait ended with %v, want its deadline", err)
		}
		cancel()
		ctx, cancel = context.WithCancel(t.Context())
		answer := make(chan error)
		go func() {
			_, _, err := l.Lock(ctx, name)
			answer <- err
		}()
		cancel()
		if err := <-answer; !errors.Is(err, context.Canceled) {
			t.Errorf("the wait ended with %v, want its cancellation", err)
		}
	}
	unlock()
	lock(t, s.Open(t), name)
}

func testDeadContext(t *testing.T, s Service) {
	name := name(t)
	l := s.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := l.Lock(ctx, name); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	lock(t, s.Open(t), name)
}

// testCutOff ends the context at many moments of a lock that nobody else wants,
// among them while the service is being asked.
func testCutOff(t *testing.T, s Service) {
	name := name(t)
	l, other := s.Open(t), s.Open(t)
	_, unlock := lock(t, l, name)
	unlock()
	got := 0
	for i := range 60 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*i)*10*time.Microsecond)
		_, unlock, err := l.Lock(ctx, name)
		switch {
		case err == nil:
			got++
			unlock()
		case !errors.Is(err, context.DeadlineExceeded):
			t.Errorf("got %v, want the context's error", err)
		}
		cancel()
		if i%10 == 9 {
			_, unlock := lock(t, other, name)
			unlock()
		}
	}
	t.Logf("%d of 60 were in time", got)
}
