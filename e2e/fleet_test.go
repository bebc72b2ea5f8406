package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A fleet is a few gateways over one store.
type fleet struct {
	t   testing.TB
	env []string // of each
	all []*gateway
}

// newFleet starts n gateways with these settings.
func newFleet(t testing.TB, n int, upstream string, env ...string) *fleet {
	t.Helper()
	f := &fleet{t: t, env: env}
	for range n {
		f.all = append(f.all, start(t, options{upstream: upstream, env: env}))
	}
	return f
}

// newPeers starts n gateways, each of which others may ask for what it is fetching.
func newPeers(t testing.TB, n int, upstream string, env ...string) *fleet {
	t.Helper()
	f := &fleet{t: t, env: env}
	for range n {
		addr, dir := vacant(t), filepath.Join(t.TempDir(), "disk")
		cmd := exec.Command(binary(t), "--listen", addr, "--upstream", upstream)
		cmd.Env = append(environ(t, sealed...), "MODTIER_DISK_PATH="+dir, "MODTIER_DISK_FREE=0",
			"MODTIER_PEERS_URL=http://"+addr, "MODTIER_PEERS_SECRET=the-secret-of-these-peers")
		cmd.Env = append(cmd.Env, env...)
		g := launch(t, cmd)
		g.dir = dir
		f.all = append(f.all, g)
	}
	return f
}

// ask has n clients at each gateway ask for the zip of v. For each gateway there is
// a channel on which its clients' ends come; want is the zip.
func (f *fleet) ask(n int, v version, want []byte) (ended []chan error) {
	for _, g := range f.all {
		c := make(chan error, n)
		ended = append(ended, c)
		for range n {
			go func() { c <- g.getsZip(v, want) }()
		}
	}
	return ended
}

// getsZip returns an error if the gateway does not answer with want for the zip of v.
func (g *gateway) getsZip(v version, want []byte) error {
	d, err := g.begin(v.url("zip"))
	if err == nil {
		err = d.finish()
	}
	if err == nil {
		err = d.is(want)
	}
	return err
}

// holder waits until one gateway of the fleet holds a lock, and returns it and the
// others.
func (f *fleet) holder() (holder *gateway, others []*gateway) {
	f.t.Helper()
	eventually(f.t, "a gateway holds a lock", func() bool {
		holder, others = nil, nil
		for _, g := range f.all {
			if holder == nil && g.metric("modtier_locks_held") == 1 {
				holder = g
			} else {
				others = append(others, g)
			}
		}
		return holder != nil
	})
	return holder, others
}

// keeps checks that the store has v whole: a gateway that has nothing else to take
// it from serves it.
func (f *fleet) keeps(v version) {
	f.t.Helper()
	for _, g := range f.all {
		select {
		case <-g.exited:
		default:
			g.saved()
		}
	}
	reader := start(f.t, options{env: f.env})
	reader.serves(v)
	reader.stop()
}

// TestFleetFetchesAZipOnce has thirty clients ask three gateways over one store for
// a cold zip, which upstream sends slowly.
func TestFleetFetchesAZipOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range lockKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			v := version{path: "example.com/" + newName(), version: "v1.0.0", size: 10 << 20}
			want := v.file("zip")
			u := newUpstream(t, v)
			u.next(v.url("zip"), over(2*time.Second))
			f := newFleet(t, 3, u.URL, append(storeAndLockers(t, kind), "MODTIER_LOCKS_WAIT=2m")...)
			for _, ended := range f.ask(10, v, want) {
				for range 10 {
					if err := <-ended; err != nil {
						t.Error(err)
					}
				}
			}
			if got := len(u.requests(v.url("zip"))); got != 1 {
				t.Errorf("fetches: got %d, want 1 for the whole fleet", got)
			}
			f.keeps(v)
			for _, g := range f.all {
				eventually(t, "no lock is held", func() bool { return g.metric("modtier_locks_held") == 0 })
			}
		})
	}
}

// TestAKilledLeaderCostsOneMoreFetch kills the gateway that fetches a zip for the
// fleet, while upstream keeps the last part of it back.
func TestAKilledLeaderCostsOneMoreFetch(t *testing.T) {
	t.Parallel()
	for _, kind := range someLockKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			const clients = 10
			v := version{path: "example.com/" + newName(), version: "v1.0.0", size: 10 << 20}
			want := v.file("zip")
			u := newUpstream(t, v)
			u.next(v.url("zip"), holdLast(1<<20, nil))
			f := newFleet(t, 3, u.URL, append(storeAndLockers(t, kind), shortLease, "MODTIER_LOCKS_WAIT=2m")...)
			ended := f.ask(clients, v, want)
			leader, _ := f.holder()
			eventually(t, "the leader fetches, and all clients wait", func() bool {
				for _, g := range f.all {
					if g.metric("modtier_collapsed_requests_total") != clients-1 {
						return false
					}
				}
				return len(u.requests(v.url("zip"))) == 1
			})
			leader.kill()
			for i, g := range f.all {
				for range clients {
					switch err := <-ended[i]; {
					case g == leader && err == nil:
						t.Error("a client of the leader has the zip, so this test has shown nothing")
					case g != leader && err != nil:
						t.Errorf("a client of another gateway: %v", err)
					}
				}
			}
			if got := len(u.requests(v.url("zip"))); got != 2 {
				t.Errorf("fetches: got %d, want the one that was broken off and one more", got)
			}
			f.keeps(v)
		})
	}
}

// TestADeadLockServiceCostsNobodyAnything has the lock service refuse connections.
func TestADeadLockServiceCostsNobodyAnything(t *testing.T) {
	t.Parallel()
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
