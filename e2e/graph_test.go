package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// unpruned is a go.mod whose go line switches graph pruning off: the go command
// reads the go.mod of every version that anything ever required. It requires less
// than testdata/all does, which would make it read thousands of them.
const unpruned = "testdata/unpruned/go.mod"

// TestModGraphFetchesNoZip reads well over a thousand go.mod files.
func TestModGraphFetchesNoZip(t *testing.T) {
	long(t)
	t.Parallel()
	real := realUpstream(t)
	want := graph(newOpenGo(t, real.String(), unpruned))
	road := newRoad(t, real)
	g := start(t, options{upstream: road.URL})

	if got := graph(newGo(t, g.url, unpruned)); !slices.Equal(got, want) {
		t.Errorf("go mod graph, cold: got %d edges, want %d as straight from the upstream", len(got), len(want))
	}
	mods := road.count("mod")
	if mods < 1200 {
		t.Errorf("go.mod files read: got %d, want well over a thousand", mods)
	}

	if got := graph(newGo(t, g.url, unpruned)); !slices.Equal(got, want) {
		t.Errorf("go mod graph, warm: got %d edges, want %d as straight from the upstream", len(got), len(want))
	}
	if got := road.count("mod"); got != mods {
		t.Errorf("go.mod files asked of the upstream: got %d with the warm run, want %d as before it", got, mods)
	}
	if got := g.metric("modtier_tier_lookups_total", `tier="upstream"`, `kind="mod"`); got != float64(mods) {
		t.Errorf("lookups of go.mod files in the upstream: got %v, want %d", got, mods)
	}
	hits := g.metric("modtier_tier_lookups_total", `tier="memory"`, `kind="mod"`, `result="hit"`) +
		g.metric("modtier_tier_lookups_total", `tier="disk"`, `kind="mod"`, `result="hit"`)
	if hits < float64(mods) {
		t.Errorf("hits of go.mod files in memory and on disk: got %v, want %d", hits, mods)
	}
	if got := road.count("zip"); got != 0 {
		t.Errorf("zips fetched: got %d, want 0", got)
	}
	if got := g.metric("modtier_tier_lookups_total", `tier="upstream"`, `kind="zip"`); got != 0 {
		t.Errorf("lookups of zips in the upstream: got %v, want 0", got)
	}
}

// graph returns the edges of the module graph, sorted.
func graph(c *goCommand) []string {
	c.t.Helper()
	return slices.Sorted(strings.Lines(c.run("mod", "graph")))
}

// BenchmarkModGraph compares go mod graph through a cold and a warm modtier with
// the same straight from the upstream. That is measured first and last, and the
// faster one counts, for whatever comes second finds the upstream warm. The go
// command asks for as many go.mod files at once as on a machine of eight processors;
// with less, the network counts for more and modtier looks better.
func BenchmarkModGraph(b *testing.B) {
	real := realUpstream(b).String()
	measure := func(proxy string) time.Duration {
		c := newOpenGo(b, proxy, unpruned)
		c.env = append(c.env, "GOMAXPROCS=8") // as a usual machine has
		from := time.Now()
		c.run("mod", "graph")
		return time.Since(from)
	}
	for b.Loop() {
		g := start(b, options{upstream: real, open: true})
		direct := measure(real)
		cold, warm := measure(g.url), measure(g.url)
		direct = min(direct, measure(real))
		b.ReportMetric(direct.Seconds(), "direct-s")
		b.ReportMetric(cold.Seconds(), "cold-s")
		b.ReportMetric(warm.Seconds(), "warm-s")
		b.ReportMetric(cold.Seconds()/direct.Seconds(), "cold/direct")
		b.ReportMetric(warm.Seconds()/direct.Seconds(), "warm/direct")
		b.ReportMetric(0, "ns/op")
	}
}
