package e2e

import (
	"net/http"
	"syscall"
	"testing"
	"time"
)

// TestAPausedHolderHarmsNothing pauses a gateway that holds the lock of a version
// until another one has taken over and published it. Upstream has given the two
// different bytes, so that it can be seen whose are stored.
func TestAPausedHolderHarmsNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range someLockKinds {
		t.Run("while it fetches, "+kind, func(t *testing.T) {
			t.Parallel()
			x := newPaused(t, storeAndLockers(t, kind))
			x.a.pause()
			x.takeOver()
			close(x.last)
			x.a.resume()
			// Its client gets the rest of what it was given a part of, or is told.
			if err := <-x.ended; err != nil {
				t.Logf("the client of the paused gateway: %v", err)
			}
			x.settled()
		})
	}
	for _, kind := range []string{"etcd", "redis"} {
		t.Run("while it saves, "+kind, func(t *testing.T) {
			t.Parallel()
			store := newS3Server(t)
			road := newLateRoad(t, store.addr)
			x := newPaused(t, append(lockers(t, kind), store.env("")...), store.env(road.addr)...)
			close(x.last)
			if err := <-x.ended; err != nil {
				t.Errorf("the client of the gateway that is going to be paused: %v", err)
			}
			eventually(t, "its zip is on the way to the store", func() bool { return road.held.Load() > 0 })
			from := time.Now()
			x.a.pause()
			x.takeOver()
			eventually(t, "three leases are over", func() bool { return time.Since(from) > 6*time.Second })
			close(road.release)
			if status := <-road.came; status != http.StatusPreconditionFailed {
				t.Errorf("what the store says to the late zip: got %d, want %d", status, http.StatusPreconditionFailed)
			}
			x.a.resume()
			x.settled()
			store.hasOnly(x.second)
		})
	}
}

// A paused test has gateway a hold the lock of a version whose last part upstream
// keeps back, and a gateway b beside it.
type paused struct {
	t             testing.TB
	u             *upstream
	f             *fleet
	a, b          *gateway
	first, second version       // what upstream gives a and b
	last          chan struct{} // close it to have upstream send a the rest
	ended         chan error    // of a's client
}

// newPaused starts both with env, and a with more settings.
func newPaused(t *testing.T, env []string, more ...string) *paused {
	t.Helper()
	x := &paused{t: t, last: make(chan struct{}), ended: make(chan error, 1)}
	x.first = version{path: "example.com/" + newName(), version: "v1.0.0", size: 1 << 20}
	x.second = x.first
	x.second.copy = "of another"
	x.u = newUpstream(t, x.second)
	given := x.first.file("zip")
	x.u.next(x.first.url("zip"), func(w http.ResponseWriter, r *http.Request, _ []byte) {
		w.Header().Set("ETag", `"of the first"`)
		holdLast(1<<18, x.last)(w, r, given)
	})
	env = append(env, "MODTIER_LOCKS_LEASE=2s", "MODTIER_LOCKS_WAIT=2m")
	x.f = newFleet(t, 1, x.u.URL, append(env, more...)...)
	x.f.all = append(x.f.all, newFleet(t, 1, x.u.URL, env...).all...)
	x.a, x.b = x.f.all[0], x.f.all[1]
	x.f.env = env
	go func() {
		d, err := x.a.begin(x.first.url("zip"))
		if err == nil {
			err = d.finish()
		}
		if err == nil {
			if wrong := d.is(given); wrong != nil {
				t.Error(wrong) // and nobody said so
			}
		}
		x.ended <- err
	}()
	eventually(t, "the gateway fetches under a lock", func() bool {
		return len(x.u.requests(x.first.url("zip"))) == 1 && x.a.metric("modtier_locks_held") == 1
	})
	return x
}

// takeOver has b serve the version, and waits until it has published it. That is
// more than a lease after the pause began, for it has got the lock.
func (x *paused) takeOver() {
	x.t.Helper()
	x.b.serves(x.second)
	x.b.saved()
	if n := x.b.metric("modtier_locks_total", `outcome="acquired"`); n != 1 {
		x.t.Errorf("locks that the other gateway has got: got %v, want 1", n)
	}
	if n := len(x.u.requests(x.first.url("zip"))); n != 2 {
		x.t.Errorf("fetches: got %d, want 2", n)
	}
}

// settled waits until a knows that it has lost the lock and has nothing left to
// save, and wants what b has published in the store, whole.
func (x *paused) settled() {
	x.t.Helper()
	eventually(x.t, "the loss of the lock is counted", func() bool {
		return x.a.metric("modtier_locks_total", `outcome="lost"`) == 1
	})
	x.f.keeps(x.second)
	for _, g := range x.f.all {
		eventually(x.t, "no lock is held", func() bool { return g.metric("modtier_locks_held") == 0 })
	}
}

// pause stops the gateway as it is, until resume or the end of the test.
func (g *gateway) pause() {
	g.cmd.Process.Signal(syscall.SIGSTOP)
	g.t.Cleanup(g.resume) // or it could not be told to stop
}

func (g *gateway) resume() { g.cmd.Process.Signal(syscall.SIGCONT) }
