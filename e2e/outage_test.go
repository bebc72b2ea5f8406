package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// outages are the ways in which a store goes.
var outages = []struct {
	name string
	harm func(*storeRoad)
}{
	{"down", (*storeRoad).cut},
	{"hanging", (*storeRoad).hang},
}

// TestNobodySeesAStoreGo has clients ask for what is held, for what only upstream
// has and for lists, while the store goes and comes back.
func TestNobodySeesAStoreGo(t *testing.T) {
	for _, o := range outages {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			x := newOutage(t)
			x.load(50)
			if got := x.g.degraded(); got != "ok" {
				t.Errorf("the store before it goes: got %s, want ok", got)
			}

			o.harm(x.road)
			stop := x.during()
			eventually(t, "the store is down", func() bool { return x.is("down") })
			stop()
			x.load(100)
			x.hitsPassMisses()
			if got := x.g.degraded(); got != "down" {
				t.Errorf("the store according to /readyz: got %s, want down", got)
			}
			if n := x.g.metric("modtier_queue_versions"); n == 0 {
				t.Error("nothing waits for the store, so this test has shown nothing")
			}
			before := len(x.store.objects())

			stop = x.during()
			x.road.open()
			eventually(t, "the store is well again", func() bool { return x.is("ok") })
			stop()
			x.drained()
			if got := x.g.degraded(); got != "ok" {
				t.Errorf("the store in the end: got %s, want ok", got)
			}
			t.Logf("%d versions asked for; %d objects while the store was gone, %d in the end",
				x.asked.Load(), before, len(x.store.objects()))
		})
	}
}

// TestHitsDoNotWaitForAStoreThatHangs has misses wait for a store that is given
// more time than any test has.
func TestHitsDoNotWaitForAStoreThatHangs(t *testing.T) {
	t.Parallel()
	x := newOutage(t, "MODTIER_HEALTH_TIMEOUT=1h", "ATHENS_TIMEOUT=1h")
	x.road.hang()
	const misses = 10
	ended := make(chan error, misses)
	for _, v := range x.cold[:misses] {
		go func() { ended <- x.g.gets(v, "zip") }()
	}
	eventually(t, "all misses wait for the store", func() bool { return x.g.metric("modtier_fills_in_flight") == misses })
	for range 20 {
		for _, v := range x.held {
			x.g.serves(v)
		}
	}
	if n := len(ended); n != 0 {
		t.Errorf("%d of the misses are answered, so this test has shown nothing", n)
	}
	for _, v := range x.cold[:misses] {
		if n := len(x.u.requests(v.url("zip"))); n != 0 {
			t.Errorf("%s: got %d requests to the upstream, want none while a store may have it", v.path, n)
		}
	}
	x.road.cut()
	for range misses {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	x.road.open()
	x.drained(x.cold[:misses]...)
}

// An outage is a gateway over a store that a test takes away.
type outage struct {
	t     testing.TB
	u     *upstream
	store *s3Server
	road  *storeRoad
	g     *gateway
	held  []version
	cold  []version
	asked atomic.Int64 // of cold, those that were asked for
}

func newOutage(t testing.TB, env ...string) *outage {
	t.Helper()
	x := &outage{t: t, held: many(10, "example.com/Held", 20_000), cold: many(20_000, "example.com/Cold", 2_000)}
	x.store = newS3Server(t)
	x.road = newStoreRoad(t, x.store.addr)
	x.u = newUpstream(t, append(x.held, x.cold...)...)
	// Lists are asked for anew each time, so each asks the store too.
	x.g = start(t, options{upstream: x.u.URL, env: x.store.env(x.road.addr, append([]string{
		"MODTIER_HEALTH_TIMEOUT=300ms", "MODTIER_HEALTH_PROBE=200ms", "ATHENS_TIMEOUT=10s",
		"MODTIER_ANSWERS_FRESH=1ns", "MODTIER_ANSWERS_REVALIDATE=1ns",
	}, env...)...)})
	for _, v := range x.held {
		x.g.serves(v)
	}
	x.drained(x.held...)
	return x
}

// is reports whether the metrics say that of the store, and nothing else.
func (x *outage) is(state string) bool {
	for _, s := range []string{"ok", "unstable", "down"} {
		want := 0.0
		if s == state {
			want = 1
		}
		if x.g.metric("modtier_tier_state", `tier="s3"`, `state="`+s+`"`) != want {
			return false
		}
	}
	return true
}

// next returns a version that nobody has asked for.
func (x *outage) next() version { return x.cold[x.asked.Add(1)-1] }

// ask asks for a bit of everything, and wants an answer to all of it.
func (x *outage) ask(n int) {
	held, cold := x.held[n%len(x.held)], x.next()
	x.g.serves(held)
	x.g.serves(cold, "info", "mod")
	x.g.serves(cold, "zip")
	for _, v := range []version{held, cold} {
		status, list, err := x.g.get("/" + escape(v.path) + "/@v/list")
		if err != nil || status != http.StatusOK || string(list) != v.version+"\n" {
			x.t.Errorf("list of %s: got status %d, %q, %v", v.path, status, list, err)
		}
	}
}

// load asks that often, with some clients at once.
func (x *outage) load(times int) {
	x.t.Helper()
	x.clients(func(n int) bool { return n < times })
}

// during asks until it is stopped, or nearly nothing is left to ask for.
func (x *outage) during() (stop func()) {
	return during(x.t, func(stopped <-chan struct{}) {
		x.clients(func(int) bool {
			select {
			case <-stopped:
				return false
			default:
				return int(x.asked.Load()) < len(x.cold)-10
			}
		})
	})
}

func (x *outage) clients(more func(n int) bool) {
	var all sync.WaitGroup
	var n atomic.Int64
	for range 6 {
		all.Go(func() {
			for i := int(n.Add(1)); more(i) && !x.t.Failed(); i = int(n.Add(1)) {
				x.ask(i)
			}
		})
	}
	all.Wait()
}

// hitsPassMisses asks for what is held while misses hang in the upstream.
func (x *outage) hitsPassMisses() {
	x.t.Helper()
	const misses = 10
	release, ended := make(chan struct{}), make(chan error, misses)
	for range misses {
		v := x.next()
		x.u.next(v.url("zip"), x.u.hang(release))
		go func() { ended <- x.g.gets(v, "zip", "mod", "info") }()
	}
	eventually(x.t, "all misses hang in the upstream", func() bool {
		n := 0
		for _, v := range x.cold[int(x.asked.Load())-misses : x.asked.Load()] {
			n += len(x.u.requests(v.url("zip")))
		}
		return n == misses
	})
	for i := range x.held {
		x.ask(i)
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

// drained waits until nothing waits for a save, and then looks for all that was
// asked for, or for vs, in the store.
func (x *outage) drained(vs ...version) {
	x.t.Helper()
	x.g.rest()
	eventually(x.t, "the queue is empty", func() bool { return x.g.metric("modtier_queue_versions") == 0 })
	if n := waiting(x.t, x.g.dir); n != 0 {
		x.t.Errorf("entries of the queue on disk: got %d, want none", n)
	}
	if len(vs) == 0 {
		vs = x.cold[:x.asked.Load()]
	}
	for _, v := range vs {
		if err := x.store.has(v); err != nil {
			x.t.Error(err)
		}
	}
}

// gets returns an error if the gateway does not answer with the right files of v. It
// may be called from any goroutine.
func (g *gateway) gets(v version, which ...string) error {
	var failed []string
	for _, kind := range which {
		d, err := g.begin(v.url(kind))
		if err == nil {
			err = d.finish()
		}
		if err == nil {
			err = d.is(v.file(kind))
		}
		if err != nil {
			failed = append(failed, err.Error())
		}
	}
	if failed != nil {
		return fmt.Errorf("%s", strings.Join(failed, "\n"))
	}
	return nil
}
