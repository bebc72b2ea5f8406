package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestColdThenOfflineThenRestarted downloads what hundreds of real modules make
// up, with checksum database: what passed once passes again without an upstream.
func TestColdThenOfflineThenRestarted(t *testing.T) {
	long(t)
	t.Parallel()
	road := newRoad(t, realUpstream(t))
	g := start(t, options{upstream: road.URL})
	var cold seen
	if !t.Run("cold", func(t *testing.T) { cold = downloadAll(t, g) }) {
		return
	}
	if n := strings.Count(cold.sums, "\n"); n < 400 {
		t.Errorf("go.sum: got %d lines, want those of some hundreds of modules", n)
	}
	road.cut()
	t.Run("upstream cut off", func(t *testing.T) { downloadAll(t, g).same(t, cold) })
	g.stop()
	g = start(t, options{upstream: road.URL, dir: g.dir})
	t.Run("restarted, upstream cut off", func(t *testing.T) { downloadAll(t, g).same(t, cold) })
}

// seen is what a go command got to know.
type seen struct{ sums, versions, latest, list string }

// downloadAll downloads and verifies with empty caches and without a go.sum.
func downloadAll(t *testing.T, g *gateway) (s seen) {
	const gomod = "testdata/all/go.mod"
	c := newGo(t, g.url, gomod)
	c.run("mod", "download", "all")
	if out := c.run("mod", "verify"); out != "all modules verified\n" {
		t.Errorf("go mod verify: got %q", out)
	}
	sums, err := os.ReadFile(filepath.Join(c.dir, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	path, _ := firstRequired(t, gomod)
	s.sums = string(sums)
	s.versions = c.run("list", "-m", "-versions", path)
	s.latest = c.run("list", "-m", path+"@latest")
	status, list, err := g.get("/" + escape(path) + "/@v/list")
	if err != nil || status != http.StatusOK {
		t.Errorf("the list of %s: status %d, %v", path, status, err)
	}
	s.list = string(list)
	return s
}

func (s seen) same(t *testing.T, want seen) {
	if s.sums != want.sums {
		t.Error("go.sum is not what it was before")
	}
	if s.versions != want.versions {
		t.Errorf("go list -m -versions: got %q, want %q as before", s.versions, want.versions)
	}
	if s.latest != want.latest {
		t.Errorf("go list -m @latest: got %q, want %q as before", s.latest, want.latest)
	}
	if s.list != want.list {
		t.Errorf("@v/list: got %q, want %q as before", s.list, want.list)
	}
}
