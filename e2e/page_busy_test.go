package e2e

import (
	"strings"
	"testing"
)

// A busyGateway has something in each part of its page: hits, fills that go on, a store
// that is down and a queue for it, locks and problems.
type busyGateway struct {
	*gateway
	held version
}

func newBusy(t testing.TB) *busyGateway {
	t.Helper()
	held := many(8, "example.com/a-team/of-modules", 40_000)
	slow := append(many(3, "example.com/Slow", 3<<20), version{path: "example.com/" + strings.Repeat("a-long-path/", 8) + "v3", version: "v3.0.0-20260102030405-abcdefabcdef", size: 1 << 20})
	queued := many(4, "example.com/Queued", 30_000)
	u := newUpstream(t, append(append(held, slow...), queued...)...)
	store := newS3Server(t)
	g := start(t, options{upstream: u.URL, env: store.env("", "MODTIER_HEALTH_PROBE=1h",
		"ATHENS_SINGLE_FLIGHT_TYPE=redis", "ATHENS_REDIS_ENDPOINT="+newRedis(t).addr)})
	for _, v := range held {
		g.serves(v)
	}
	g.saved()
	for range 20 {
		for _, v := range held[:4] {
			g.serves(v)
		}
	}
	store.stop()
	for _, v := range queued {
		g.serves(v)
	}
	eventually(t, "the store is down", func() bool { return g.degraded() == "down" })
	end := make(chan struct{})
	for i, v := range slow {
		u.next(v.url("zip"), holdLast(int(v.size)*(i+1)/5, end))
		d, err := g.begin(v.url("zip"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.hangUp)
	}
	t.Cleanup(func() { close(end) })
	return &busyGateway{g, queued[0]}
}
