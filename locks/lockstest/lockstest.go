// Package lockstest is the contract of [locks.Locker], as tests. A new locker is
// a constructor and a call of [Test].
package lockstest

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/modtier/modtier/locks"
)

// A Service is what holds the locks, and how the tests get at it.
type Service struct {
	// Open returns a new instance, as another process has one. The test's
	// cleanup closes it, and if it is an io.Closer a test may have done so.
	Open func(t testing.TB) locks.Locker

	// Steal takes the lock of name away behind its holder's back. Nil if
	// nobody can: a lock in this process cannot be lost.
	Steal func(t testing.TB, name string)

	// Limited returns an instance that lets one holder hold for a second, or
	// for what is the shortest. Nil if there is no limit.
	Limited func(t testing.TB) locks.Locker

	// Named returns an instance that says holder of itself to others. Nil if
	// there are no others.
	Named func(t testing.TB, holder string) locks.Locker

	// At returns an instance whose service is at addr, a host and a port on
	// which nobody gives an answer. Nil if there is no service.
	At func(t testing.TB, addr string) locks.Locker
}

// Lease is a lease for tests that wait for its end. On a busy machine a holder that
// lives must not lose it.
const Lease = 5 * time.Second

// patience bounds what is waited for. Nothing is to take as long.
const patience = time.Minute

// Test tests the lockers of s.
func Test(t *testing.T, s Service) {
	for _, claim := range []struct {
		name string
		test func(*testing.T, Service)
	}{
		{"one at a time holds a name", testExclusion},
		{"everybody who waits gets it", testEverybody},
		{"two names never block each other", testNames},
		{"names are bytes", testOddNames},
		{"a wait that is cancelled leaves nothing behind", testCancelledWait},
		{"who comes with a dead context gets nothing", testDeadContext},
		{"a wait that is cut off at any point leaves nothing behind", testCutOff},
		{"unlock lets the next one in", testUnlock},
		{"unlock twice is harmless", testUnlockTwice},
		{"held has the values of the context and not its end", testValues},
		{"a lock that is taken away is noticed", testStolen},
		{"nobody holds for longer than the limit", testLimit},
		{"close lets go of what is held", testClose},
		{"others are told of the holder what it says of itself", testHolder},
		{"a service that is not there or does not answer is an error", testDead},
		{"a wait for a dead service can be cancelled", testCancelledDead},
	} {
		t.Run(claim.name, func(t *testing.T) { claim.test(t, s) })
	}
}

// name returns a name of this test's own, of the shape that lockers get.
func name(t testing.TB) string {
	return "test.example/" + strings.ToLower(rand.Text()) + "/m@v1.2.3"
}

// Within returns a context of t that bounds what is waited for.
func Within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// lock locks name, or ends the test.
func lock(t testing.TB, l locks.Locker, name string) (context.Context, func()) {
	t.Helper()
	held, unlock, err := Insist(Within(t), l, name)
	if err != nil {
		t.Fatalf("lock %s: %v", name, err)
	}
	t.Cleanup(unlock)
	return held, unlock
}

// Insist locks name. It asks until ctx is done, for on a busy machine the service of
// a test may answer later than its locker waits for.
func Insist(ctx context.Context, l locks.Locker, name string) (held context.Context, unlock func(), err error) {
	for {
		held, unlock, now := l.Lock(ctx, name)
		if now == nil {
			return held, unlock, nil
		}
		if err == nil || ctx.Err() == nil {
			err = now // and not that ctx is done, if there was another
		}
		select {
		case <-ctx.Done():
			return nil, nil, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// isHeld says whether l cannot get name now.
func isHeld(t testing.TB, l locks.Locker, name string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	_, unlock, err := l.Lock(ctx, name)
	if err == nil {
		unlock()
		return false
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("lock %s: %v, want to wait until the deadline", name, err)
	}
	return true
}
