package e2e

import (
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A tiered gateway has memory, disk, a store and an upstream, with caches that are too
// small for what is asked of them: so each tier has hits and misses.
type tiered struct {
	*gateway
	u      *upstream
	store  *s3Server
	saved  []version // which the store has from the start
	cold   []version // which only the upstream has
	absent []version // which nobody has
}

func newTiered(t testing.TB, env ...string) *tiered {
	t.Helper()
	x := &tiered{
		store:  newS3Server(t),
		saved:  many(40, "example.com/Saved", 20_000),
		cold:   many(40, "example.com/Cold", 20_000),
		absent: many(10, "example.com/Absent", 0),
	}
	x.u = newUpstream(t, append(x.saved, x.cold...)...)
	before := start(t, options{upstream: x.u.URL, env: x.store.env("")})
	for _, v := range x.saved {
		before.serves(v)
	}
	before.saved()
	before.stop()
	x.gateway = start(t, options{upstream: x.u.URL, env: x.store.env("", append(env,
		"MODTIER_MEMORY_SIZE=64KiB", "MODTIER_DISK_SIZE=1MiB")...)})
	return x
}

// load has a few clients ask for that many files all in all, some of them often, and
// waits until the gateway is at rest. It returns what their Cache-Status said. They
// first ask for what only the upstream has as the go command does, all files of a
// version, for else the gateway itself asks for what it lacks to save it.
func (x *tiered) load(requests int) *cacheStatus {
	x.t.Helper()
	const clients = 4
	all := newCacheStatus()
	var done sync.WaitGroup
	for c := range clients {
		done.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(c)))
			popular := rand.NewZipf(random, 1.2, 4, uint64(len(x.saved)-1))
			asked := 0
			ask := func(v version, kind string) {
				x.count(all, v, kind)
				asked++
			}
			for i := c; i < len(x.cold); i += clients {
				for _, kind := range kinds {
					ask(x.cold[i], kind)
				}
			}
			for asked < requests/clients {
				vs := x.saved
				if c == 0 && random.IntN(5) == 0 { // one asks alone: who joins a fill of nothing is not told so
					vs = x.absent
				}
				ask(vs[int(popular.Uint64())%len(vs)], kinds[random.IntN(len(kinds))])
			}
		})
	}
	done.Wait()
	x.gateway.saved()
	return all
}

// count asks for a file, and counts what is said of it. Any goroutine may call it.
func (x *tiered) count(all *cacheStatus, v version, kind string) {
	resp, err := x.client.Get(x.url + v.url(kind))
	if err != nil {
		x.t.Error(err)
		return
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		x.t.Error(err)
	}
	if absent := strings.Contains(v.path, "Absent"); absent != (resp.StatusCode == http.StatusNotFound) {
		x.t.Errorf("%s: got status %d", v.url(kind), resp.StatusCode)
	}
	all.add(resp.Header.Values("Cache-Status"))
}

// A cacheStatus is what a client learns of the tiers from the Cache-Status of what it
// gets (RFC 9211).
type cacheStatus struct {
	mu           sync.Mutex // guards all below
	answers      int
	hits, misses map[string]int // by tier
	joined       int            // requests that joined another one's fill: who it came from is not said
}

func newCacheStatus() *cacheStatus {
	return &cacheStatus{hits: make(map[string]int), misses: make(map[string]int)}
}

func (c *cacheStatus) add(values []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers++
	for member := range strings.SplitSeq(strings.Join(values, ", "), ", ") {
		tier, what, _ := strings.Cut(member, "; ")
		switch {
		case what == "hit":
			c.hits[tier]++
		case strings.HasPrefix(what, "fwd=uri-miss"):
			c.misses[tier]++
		}
		switch { // what is beyond all tiers says nothing itself
		case strings.Contains(what, "fwd-status=200"):
			c.hits["upstream"]++
		case strings.Contains(what, "fwd-status=404"):
			c.misses["upstream"]++
		case strings.HasSuffix(what, "collapsed") && tier == "disk":
			c.joined++
		}
	}
}
