package bucket_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/bucket"
)

const (
	name = "example.com/m@v1.0.0"
	key  = "lease/" + name
	dead = "modtier lock 1\ntoken OTHER\nrenewal 4\nlease 15s\nholder http://dead\n"
)

// take takes the lock, and returns after how long.
func take(t *testing.T, l locks.Locker, most time.Duration) (held context.Context, unlock func(), after time.Duration, err error) {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	held, unlock, err = l.Lock(ctx, name)
	if err != nil {
		unlock = func() {}
	}
	return held, unlock, time.Since(start), err
}

func mustTake(t *testing.T, l locks.Locker) (context.Context, func()) {
	t.Helper()
	held, unlock, _, err := take(t, l, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return held, unlock
}

func TestALockThatNobodyWantsIsTwoRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(memory)
		l := openObjects(t, m, bucket.Config{})
		for range 2 {
			_, unlock := mustTake(t, l)
			unlock()
			if got := m.requests(); got != "write remove" {
				t.Errorf("it took %q", got)
			}
		}
		if n := m.size(); n != 0 {
			t.Errorf("%d objects are left", n)
		}
	})
}

func TestWhoWaitsOnlyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(memory)
		_, unlock := mustTake(t, openObjects(t, m, bucket.Config{}))
		defer unlock()
		l := openObjects(t, m, bucket.Config{})
		m.requests()
		for _, first := range []string{"write read read", "read read read"} {
			if _, _, _, err := take(t, l, time.Second); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got %v", err)
			}
			if got := m.requests(); !strings.HasPrefix(got, first) || strings.Contains(got[len(first):], "write") {
				t.Errorf("the wait took %q", got)
			}
		}
	})
}

func TestALockThatWasAbandonedIsTakenOverByTheAgeOfItsObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(memory)
		m.put(key, dead, 5*time.Second)
		_, unlock, after, err := take(t, openObjects(t, m, bucket.Config{}), time.Minute)
		if err != nil || after < 10*time.Second || after > 13*time.Second {
			t.Errorf("it was taken after %v, %v, want what is left of 15 s, and up to 2 s for the fractions", after, err)
		}
		unlock()
	})
}

func TestWhereTheAgeIsNotKnownALeaseIsWatchedInAllWaitsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{noAge: true}
		m.put(key, dead, time.Hour)
		l := openObjects(t, m, bucket.Config{})
		for range 3 {
			if _, _, _, err := take(t, l, 5*time.Second); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got %v before the lease was over", err)
			}
		}
		_, unlock, after, err := take(t, l, 5*time.Second)
		if err != nil || after > time.Second {
			t.Errorf("got it after %v more, %v", after, err)
		}
		unlock()
	})
}

func TestARenewedLockIsNotTakenOver(t *testing.T) {
	for _, noAge := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := &memory{noAge: noAge}
			held, unlock := mustTake(t, openObjects(t, m, bucket.Config{}))
			_, _, _, err := take(t, openObjects(t, m, bucket.Config{}), 5*time.Minute)
			if !errors.Is(err, context.DeadlineExceeded) || held.Err() != nil {
				t.Errorf("another waited for 5 min and got %v; held ended with %v", err, context.Cause(held))
			}
			unlock()
		})
	}
}

func TestAHolderWhoseLockWasTakenOverNoticesAndLeavesItAlone(t *testing.T) {
	for _, ignores := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := &memory{ignoresRemove: ignores}
			held, unlock := mustTake(t, openObjects(t, m, bucket.Config{}))
			m.put(key, dead, 0)
			<-held.Done()
			if err := context.Cause(held); !errors.Is(err, locks.ErrLost) {
				t.Errorf("held ended with %v", err)
			}
			unlock()
			if got := m.get(key); got != dead {
				t.Errorf("the other's object is %q", got)
			}
		})
	}
}

func TestAnUnlockBeforeTheLossIsNoticedLeavesTheLockOfAnotherAlone(t *testing.T) {
	for _, ignores := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := &memory{ignoresRemove: ignores}
			_, unlock := mustTake(t, openObjects(t, m, bucket.Config{}))
			m.put(key, dead, 0)
			unlock()
			if got := m.get(key); got != dead {
				t.Errorf("the other's object is %q", got)
			}
		})
	}
}

func TestALostAnswerIsLookedUp(t *testing.T) {
	for _, ignores := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			m := &memory{ignoresRemove: ignores, lost: func(_, key string) bool {
				n++
				return !strings.Contains(key, "=probe-") && n%2 == 1 // the first, the third...
			}}
			l := openObjects(t, m, bucket.Config{})
			held, unlock := mustTake(t, l)
			time.Sleep(time.Minute)
			if held.Err() != nil {
				t.Errorf("held ended with %v", context.Cause(held))
			}
			unlock()
			_, unlock = mustTake(t, l)
			unlock()
			if n := m.size(); n != 0 {
				t.Errorf("%d objects are left", n)
			}
		})
	}
}

func TestAWriteThatCameTooLateIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(memory)
		l := openObjects(t, m, bucket.Config{})
		_, unlock := mustTake(t, l)
		unlock()
		m.hangs = make(chan struct{})
		_, _, after, err := take(t, l, time.Second)
		if !errors.Is(err, context.DeadlineExceeded) || after != time.Second {
			t.Errorf("got %v after %v", err, after)
		}
		m.requests()
		close(m.hangs)
		synctest.Wait()
		if got := m.requests(); got != "write remove" || m.size() != 0 {
			t.Errorf("then there came %q, and %d objects are left", got, m.size())
		}
	})
}

func TestAForeignObjectIsALockOfTheLongestLease(t *testing.T) {
	for what, content := range map[string]string{
		"nothing":         "",
		"a byte":          "\x01",
		"much":            strings.Repeat("x", 5000),
		"a later version": strings.Replace(dead, "lock 1", "lock 2", 1),
		"an endless one":  strings.Replace(dead, "15s", "1000h", 1),
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := new(memory)
				m.put(key, content, 10*time.Minute)
				l := openObjects(t, m, bucket.Config{})
				if holder, err := l.Holder(t.Context(), name); err != nil || holder != "" {
					t.Errorf("its holder is %q, %v", holder, err)
				}
				_, unlock, after, err := take(t, l, time.Hour)
				if err != nil || after < 5*time.Minute || after > 5*time.Minute+3*time.Second {
					t.Errorf("it was taken after %v, %v, want 15 min of its age", after, err)
				}
				unlock()
			})
		})
	}
}

func TestABucketWithoutConditionsHoldsNoLocks(t *testing.T) {
	for what, ignores := range map[string]func(tag string) bool{
		"none is honoured":          func(string) bool { return true },
		"only creating is honoured": func(tag string) bool { return tag != "" },
		"only changing is honoured": func(tag string) bool { return tag == "" },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &memory{ignoresWrite: ignores}
				l := openObjects(t, m, bucket.Config{})
				for range 2 {
					if _, _, _, err := take(t, l, time.Second); !errors.Is(err, errors.ErrUnsupported) {
						t.Errorf("got %v, want ErrUnsupported", err)
					}
				}
				if got := m.requests(); got != "" || m.size() != 0 {
					t.Errorf("requests for locks: %q, %d objects left", got, m.size())
				}
				time.Sleep(time.Minute)
				m.ignoresWrite = nil
				_, unlock := mustTake(t, l) // somebody mended it
				unlock()
			})
		})
	}
}

func TestCloseLetsGoOfWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(memory)
		l := openObjects(t, m, bucket.Config{})
		held, unlock := mustTake(t, l)
		l.Close()
		if !errors.Is(context.Cause(held), locks.ErrLost) || m.size() != 0 {
			t.Errorf("held ended with %v, and %d objects are left", context.Cause(held), m.size())
		}
		unlock()
		if _, _, err := l.Lock(t.Context(), name); err == nil {
			t.Error("a closed locker locks")
		}
		if _, err := l.Holder(t.Context(), name); err == nil {
			t.Error("a closed locker names a holder")
		}
	})
}

func TestAWrongConfigurationIsRefused(t *testing.T) {
	for what, c := range map[string]bucket.Config{
		"a TTL below 0":   {TTL: -1},
		"a short lease":   {Lease: time.Millisecond},
		"a long lease":    {Lease: time.Hour},
		"a long holder":   {Holder: strings.Repeat("x", 1025)},
		"a holder's line": {Holder: "a\ntoken X"},
	} {
		if _, err := bucket.OpenObjects(t.Context(), new(memory), c); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}
