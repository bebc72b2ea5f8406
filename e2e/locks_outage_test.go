package e2e

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestHitsAndMissesOutliveTheLockService has clients ask two gateways for what is
// held and for what only upstream has, while their lock service goes and comes back.
func TestHitsAndMissesOutliveTheLockService(t *testing.T) {
	t.Parallel()
	redis := func(t *testing.T) (*lockServer, []string) {
		s := newRedis(t)
		return s, []string{"ATHENS_SINGLE_FLIGHT_TYPE=redis", "ATHENS_REDIS_ENDPOINT=" + s.addr}
	}
	etcd := func(members int) func(t *testing.T) (*lockServer, []string) {
		return func(t *testing.T) (victim *lockServer, env []string) {
			all, endpoints := newEtcd(t, members)
			eventually(t, "a member leads", func() bool {
				for _, s := range all {
					if leads, err := s.etcdLeads(); err == nil && leads {
						victim = s
					}
				}
				return victim != nil
			})
			return victim, []string{"ATHENS_SINGLE_FLIGHT_TYPE=etcd", "ATHENS_ETCD_ENDPOINTS=" + endpoints}
		}
	}
	sentinel := func(t *testing.T) (*lockServer, []string) {
		master, sentinels := newSentinels(t)
		return master, []string{"ATHENS_SINGLE_FLIGHT_TYPE=redis-sentinel", "ATHENS_REDIS_SENTINEL_MASTER_NAME=mymaster",
			"ATHENS_REDIS_SENTINEL_PASSWORD=", "ATHENS_REDIS_SENTINEL_ENDPOINTS=" + strings.Join(sentinels, ",")}
	}
	stay := func(*lockServer) {} // the others go on without it
	for _, o := range []struct {
		name       string
		service    func(t *testing.T) (victim *lockServer, env []string)
		harm, mend func(*lockServer)
	}{
		{"redis/killed", redis, (*lockServer).kill, (*lockServer).start},
		{"redis/paused", redis, (*lockServer).pause, (*lockServer).resume},
		{"etcd/killed", etcd(1), (*lockServer).kill, (*lockServer).start},
		{"etcd/paused", etcd(1), (*lockServer).pause, (*lockServer).resume},
		{"redis-sentinel/master killed", sentinel, (*lockServer).kill, stay},
		{"etcd/leader killed", etcd(3), (*lockServer).kill, stay},
	} {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			victim, env := o.service(t)
			x := newLockOutage(t, env...)
			stop := x.during()
			defer stop()
			x.locked()

			o.harm(victim)
			eventually(t, "somebody goes on without a lock", func() bool { return x.without() > 0 })
			x.hitsPassMisses()
			hits, misses := x.hits.Load(), x.misses.Load()
			eventually(t, "hits and misses go on", func() bool { return x.hits.Load() > hits+100 && x.misses.Load() > misses+5 })

			o.mend(victim)
			x.locked()
			stop()
			x.once()
			for _, g := range x.f.all {
				g.saved()
			}
			for n := range x.asked.Load() {
				if err := x.store.has(cold(n + 1)); err != nil {
					t.Error(err)
				}
			}
			t.Logf("%d hits, and %d misses of which %v went on without a lock", x.hits.Load(), x.asked.Load(), x.without())
		})
	}
}

// A lockOutage is a fleet over a lock service that a test takes away.
type lockOutage struct {
	t            testing.TB
	u            *upstream
	store        *s3Server
	f            *fleet
	held         []version
	asked        atomic.Int64 // cold versions
	hits, misses atomic.Int64 // that were answered
}

func newLockOutage(t testing.TB, env ...string) *lockOutage {
	t.Helper()
	x := &lockOutage{t: t, held: many(5, "example.com/Held", 20_000)}
	x.u = newUpstream(t, x.held...)
	x.store = newS3Server(t)
	x.f = newFleet(t, 2, x.u.URL, x.store.env("", append(env, "MODTIER_LOCKS_WAIT=1m")...)...)
	for _, g := range x.f.all {
		for _, v := range x.held {
			g.serves(v)
		}
		g.saved()
	}
	return x
}

// cold returns the nth version that only upstream has.
func cold(n int64) version {
	return version{path: fmt.Sprint("example.com/Cold", n), version: "v1.0.0", size: 2_000}
}

// next returns a cold version that nobody has asked for.
func (x *lockOutage) next() version {
	v := cold(x.asked.Add(1))
	x.u.add(v)
	return v
}

// during has clients at each gateway ask for what is held, and others for what is
// not, until it is stopped. The pauses leave the machine to those who answer.
func (x *lockOutage) during() (stop func()) {
	return during(x.t, func(stopped <-chan struct{}) {
		var all sync.WaitGroup
		every := func(d time.Duration, ask func()) {
			ticker := time.NewTicker(d)
			defer ticker.Stop()
			for {
				select {
				case <-ticker.C:
					ask()
				case <-stopped:
					return
				}
			}
		}
		for _, g := range x.f.all {
			for n := range 4 {
				all.Go(func() {
					every(100*time.Millisecond, func() {
						g.serves(x.next())
						x.misses.Add(1)
					})
				})
				all.Go(func() {
					every(20*time.Millisecond, func() {
						g.serves(x.held[n])
						x.hits.Add(1)
					})
				})
			}
		}
		all.Wait()
	})
}

// locked waits until each gateway has got locks again.
func (x *lockOutage) locked() {
	x.t.Helper()
	for _, g := range x.f.all {
		acquired := func() float64 { return g.metric("modtier_locks_total", `outcome="acquired"`) }
		before := acquired()
		eventually(x.t, "locks are acquired", func() bool { return acquired() >= before+5 })
	}
}

// without returns how many locks the fleet has gone on without.
func (x *lockOutage) without() (n float64) {
	for _, g := range x.f.all {
		n += g.metric("modtier_locks_total", `outcome="failed_open"`) + g.metric("modtier_locks_total", `outcome="timeout"`)
	}
	return n
}

// hitsPassMisses asks each gateway for what is held while misses hang in the upstream,
// which they have reached whatever became of the lock.
func (x *lockOutage) hitsPassMisses() {
	x.t.Helper()
	const misses = 10
	release, ended := make(chan struct{}), make(chan error, misses)
	var vs []version
	for n := range misses {
		v := x.next()
		vs = append(vs, v)
		x.u.next(v.url("zip"), x.u.hang(release))
		g := x.f.all[n%len(x.f.all)]
		go func() { ended <- g.gets(v, "zip", "mod", "info") }()
	}
	eventually(x.t, "all misses hang in the upstream", func() bool {
		n := 0
		for _, v := range vs {
			n += len(x.u.requests(v.url("zip")))
		}
		return n == misses
	})
	for _, g := range x.f.all {
		for _, v := range x.held {
			g.serves(v)
		}
	}
	if n := len(ended); n != 0 {
		x.t.Errorf("%d of the misses are answered, so this test has shown nothing", n)
	}
	close(release)
	for range misses {
		if err := <-ended; err != nil {
			x.t.Error(err)
		}
	}
}

// once has both gateways asked for the same versions at once, and wants one fetch of
// each.
func (x *lockOutage) once() {
	x.t.Helper()
	for range 10 {
		v := x.next()
		var all sync.WaitGroup
		for _, g := range x.f.all {
			all.Go(func() { g.serves(v) })
		}
		all.Wait()
		if n := len(x.u.requests(v.url("zip"))); n != 1 {
			x.t.Errorf("%s: got %d fetches since locks are acquired again, want 1", v.path, n)
		}
	}
}
