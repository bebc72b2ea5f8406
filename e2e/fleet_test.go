package e2e

import (
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"
)

// lockers are the settings of each lock service that make test starts.
func lockers(t *testing.T, kind string) []string {
	t.Helper()
	env := []string{"ATHENS_SINGLE_FLIGHT_TYPE=" + kind, "MODTIER_LOCKS_WAIT=2m"}
	switch kind {
	case "etcd":
		env = append(env, "ATHENS_ETCD_ENDPOINTS="+fromMake(t, "MODTIER_TEST_ETCD_ENDPOINTS"))
	case "redis":
		env = append(env, "ATHENS_REDIS_ENDPOINT="+fromMake(t, "MODTIER_TEST_REDIS_URL"))
	case "redis-sentinel":
		u, err := url.Parse(fromMake(t, "MODTIER_TEST_REDIS_URL"))
		if err != nil {
			t.Fatal(err)
		}
		password, _ := u.User.Password()
		env = append(env,
			"ATHENS_REDIS_SENTINEL_ENDPOINTS="+fromMake(t, "MODTIER_TEST_REDIS_SENTINELS"),
			"ATHENS_REDIS_SENTINEL_PASSWORD="+os.Getenv("MODTIER_TEST_REDIS_SENTINEL_PASSWORD"),
			"ATHENS_REDIS_SENTINEL_MASTER_NAME=mymaster",
			"ATHENS_REDIS_PASSWORD="+password)
	}
	return env
}

// TestFleetFetchesAZipOnce has thirty clients ask three gateways over one store for
// a cold zip, which upstream sends slowly.
func TestFleetFetchesAZipOnce(t *testing.T) {
	for _, kind := range []string{"redis", "redis-sentinel", "etcd"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			env := lockers(t, kind)
			v := version{path: fmt.Sprintf("example.com/%s-%d", kind, os.Getpid()), version: "v1.0.0", size: 10 << 20}
			want := v.file("zip")
			u := newUpstream(t, v)
			u.next(v.url("zip"), over(2*time.Second))
			store := newS3Server(t)
			var fleet []*gateway
			for range 3 {
				fleet = append(fleet, start(t, options{upstream: u.URL, env: store.env("", env...)}))
			}
			var clients sync.WaitGroup
			for i := range 30 {
				clients.Go(func() {
					d, err := fleet[i%3].begin(v.url("zip"))
					if err == nil {
						err = d.finish()
					}
					if err == nil {
						err = d.is(want)
					}
					if err != nil {
						t.Errorf("client %d: %v", i, err)
					}
				})
			}
			clients.Wait()
			if got := len(u.requests(v.url("zip"))); got != 1 {
				t.Errorf("fetches: got %d, want 1 for the whole fleet", got)
			}
			eventually(t, "the version is in the store, and no lock is held", func() bool {
				held := 0.0
				for _, g := range fleet {
					held += g.metric("modtier_locks_held")
				}
				return store.has(v) == nil && held == 0
			})
		})
	}
}

// TestADeadLockServiceCostsNobodyAnything has the lock service refuse connections.
func TestADeadLockServiceCostsNobodyAnything(t *testing.T) {
	for kind, setting := range map[string]string{
		"redis": "ATHENS_REDIS_ENDPOINT=", "redis-sentinel": "ATHENS_REDIS_SENTINEL_ENDPOINTS=", "etcd": "ATHENS_ETCD_ENDPOINTS=",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			v := version{path: "example.com/alone", version: "v1.0.0", size: 1 << 20}
			u := newUpstream(t, v)
			store := newS3Server(t)
			g := start(t, options{upstream: u.URL, env: store.env("", "ATHENS_SINGLE_FLIGHT_TYPE="+kind, setting+vacant(t))})
			g.serves(v)
			eventually(t, "the version is in the store", func() bool { return store.has(v) == nil })
			if n := g.metric("modtier_locks_total", `outcome="failed_open"`) + g.metric("modtier_locks_total", `outcome="timeout"`); n != 1 {
				t.Errorf("locks gone without: got %v, want 1", n)
			}
		})
	}
}
