package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// TestKillTearsNothing kills modtier 50 times in the middle of fills, evictions
// and answers: at the n-th piece that the upstream sends, for an n that is drawn.
func TestKillTearsNothing(t *testing.T) {
	long(t)
	t.Parallel()
	const kills, clients, limit = 50, 8, "16MiB"
	var vs []version
	for i := range 40 {
		for n := range 3 {
			vs = append(vs, version{path: fmt.Sprintf("example.com/Killed%d", i), version: fmt.Sprintf("v1.0.%d", n), size: int64(i) * 20_000})
		}
	}
	u := newUpstream(t, vs...)
	var pieces atomic.Int64 // until the kill
	var victim atomic.Pointer[gateway]
	u.sent = func() {
		if pieces.Add(-1) == 0 {
			victim.Load().cmd.Process.Kill()
		}
	}

	dir := filepath.Join(t.TempDir(), "disk")
	random := rand.New(rand.NewPCG(1, 2))
	filled, broken := 0, 0
	for range kills {
		pieces.Store(1 << 40)
		g := start(t, options{upstream: u.URL, dir: dir, env: []string{"MODTIER_DISK_SIZE=" + limit, "ATHENS_SUM_DBS="}})
		if n, rest := spools(t, dir); n != 1 || len(rest) > 0 {
			t.Errorf("spools after the start: got those of %d processes with %q in them, want an empty one", n, rest)
		}
		for range 5 {
			v := vs[random.IntN(len(vs))]
			g.serves(v)
			g.servesList(v)
		}
		victim.Store(g)
		pieces.Store(1 + random.Int64N(300))
		var all sync.WaitGroup
		for range clients {
			seed := random.Uint64()
			all.Go(func() { askUntilKilled(t, g, vs, seed) })
		}
		all.Wait()
		g.kill() // if the pieces did not suffice
		untorn(t, dir, vs)
		if t.Failed() {
			return
		}
		_, rest := spools(t, dir)
		broken += len(rest)
		filled += len(kept(t, dir))
	}
	if filled == 0 || broken < kills/2 {
		t.Errorf("over all kills: got %d files kept and %d broken off, so this test has shown little", filled, broken)
	}
	g := start(t, options{upstream: u.URL, dir: dir, env: []string{"MODTIER_DISK_SIZE=" + limit}})
	for _, v := range vs {
		g.serves(v)
	}
}

// askUntilKilled asks for files until the gateway dies. What it gets as whole has
// to be right.
func askUntilKilled(t *testing.T, g *gateway, vs []version, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		v, kind := vs[random.IntN(len(vs))], kinds[random.IntN(len(kinds))]
		d, err := g.begin(v.url(kind))
		if err == nil {
			err = d.finish()
		}
		if err != nil {
			if errors.As(err, new(*statusError)) {
				t.Error(err) // it answered, so it was alive
			}
			return
		}
		if err := d.is(v.file(kind)); err != nil {
			t.Error(err)
		}
	}
}

// servesList checks the list of v's module.
func (g *gateway) servesList(v version) {
	g.t.Helper()
	status, list, err := g.get("/" + escape(v.path) + "/@v/list")
	if want := "v1.0.0\nv1.0.1\nv1.0.2\n"; status != http.StatusOK || string(list) != want {
		g.t.Errorf("list of %s: got status %d, %q, %v, want %q", v.path, status, list, err, want)
	}
}
