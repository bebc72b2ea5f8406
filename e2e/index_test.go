package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A savedLine is a line of /index.
type savedLine struct {
	Path, Version string
	Timestamp     time.Time
}

func (l savedLine) String() string { return l.Path + "@" + l.Version }

// index returns what /index says to a query. Its times have to grow, and no version
// may be there twice.
func (g *gateway) index(query string) (lines []savedLine) {
	g.t.Helper()
	status, body, err := g.get("/index" + query)
	if err != nil || status != http.StatusOK {
		g.t.Fatalf("/index%s: got status %d, %q, %v", query, status, body, err)
	}
	had := make(map[string]bool)
	for text := range strings.Lines(string(body)) {
		var l savedLine
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			g.t.Fatalf("/index%s: line %q: %v", query, text, err)
		}
		if had[l.String()] || len(lines) > 0 && !l.Timestamp.After(lines[len(lines)-1].Timestamp) {
			g.t.Errorf("/index%s: %s at %v is there twice, or not later than the line before", query, l, l.Timestamp)
		}
		had[l.String()] = true
		lines = append(lines, l)
	}
	return lines
}

// indexInPages returns what /index says to who reads it as a mirror does.
func (g *gateway) indexInPages(limit int) (lines []savedLine) {
	g.t.Helper()
	since := time.Time{}
	for {
		page := g.index(fmt.Sprintf("?limit=%d&since=%s", limit, url.QueryEscape(since.Format(time.RFC3339Nano))))
		lines = append(lines, page...)
		if len(page) < limit {
			return lines
		}
		since = page[len(page)-1].Timestamp.Add(time.Nanosecond)
	}
}

func indexed(lines []savedLine, v version) bool {
	return slices.ContainsFunc(lines, func(l savedLine) bool { return l.Path == v.path && l.Version == v.version })
}

const indexOn = "ATHENS_INDEX_TYPE=disk"

func TestIndexListsWhatWasSaved(t *testing.T) {
	t.Parallel()
	vs := append(many(9, "example.com/Indexed", 1000),
		version{path: "example.com/indexed/v2", version: "v2.0.0-RC1", size: 10},
		version{path: "example.com/old", version: "v3.1.0+incompatible", size: 10})
	lone := version{path: "example.com/lone", version: "v1.0.0"}
	u := newUpstream(t, append(vs, lone)...)
	dir := filepath.Join(t.TempDir(), "disk")
	g := start(t, options{upstream: u.URL, dir: dir, env: []string{indexOn}})

	var before []savedLine
	t.Run("in the order in which they came", func(t *testing.T) {
		g.serves(lone, "mod")
		c := newGo(t, g.url, "")
		for _, v := range vs {
			c.run("mod", "download", v.path+"@"+v.version)
			g.rest()
		}
		before = g.index("")
		var got, want []string
		for _, l := range before {
			got = append(got, l.String())
		}
		for _, v := range vs {
			want = append(want, v.path+"@"+v.version)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("in pages too", func(t *testing.T) {
		for _, limit := range []int{1, 4, 11, 12} {
			if got := g.indexInPages(limit); !slices.Equal(got, before) {
				t.Errorf("in pages of %d: got %v, want %v", limit, got, before)
			}
		}
	})
	t.Run("after a restart too, and nothing twice", func(t *testing.T) {
		g.stop()
		if err := os.RemoveAll(filepath.Join(dir, "example.com")); err != nil {
			t.Fatal(err)
		}
		late := version{path: "example.com/late", version: "v0.1.0", size: 10}
		u.add(late)
		g = start(t, options{upstream: u.URL, dir: dir, env: []string{indexOn}})
		if got := g.index(""); !slices.Equal(got, before) {
			t.Errorf("got %v, want %v", got, before)
		}
		for _, v := range append(vs, late) {
			g.serves(v)
		}
		g.rest()
		got := g.index("")
		if len(got) != len(before)+1 || !slices.Equal(got[:len(before)], before) || !indexed(got, late) {
			t.Errorf("got %v, want %v and %s", got, before, late.path)
		}
	})
	t.Run("nothing unless it is told to", func(t *testing.T) {
		g := start(t, options{upstream: u.URL})
		g.serves(vs[0])
		g.rest()
		if got := g.index(""); len(got) > 0 {
			t.Errorf("got %v, want nothing", got)
		}
		if _, err := os.Stat(filepath.Join(g.dir, ".modtier/index")); err == nil {
			t.Error("there is a record on disk")
		}
	})
}

// TestIndexAfterKills kills modtier in the middle of fills and saves. What it has
// kept, or a store has, is listed.
func TestIndexAfterKills(t *testing.T) {
	long(t)
	t.Parallel()
	for _, over := range []string{"disk", "a store"} {
		t.Run("over "+over, func(t *testing.T) {
			env := []string{indexOn, "ATHENS_SUM_DBS="}
			var store *s3Server
			if over == "a store" {
				store = newS3Server(t)
				env = store.env("", indexOn)
			}
			var vs []version
			for i := range 60 {
				vs = append(vs, version{path: fmt.Sprintf("example.com/Listed%d", i), version: "v1.0.0", size: int64(i) * 3000})
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
			had := 0
			for round := range 6 {
				pieces.Store(1 << 40)
				g := start(t, options{upstream: u.URL, dir: dir, env: env})
				victim.Store(g)
				pieces.Store(int64(20 + 30*round))
				var all sync.WaitGroup
				for i := range 4 {
					all.Go(func() {
						for j := i; j < len(vs); j += 4 {
							if d, err := g.begin(vs[j].url("zip")); err != nil || d.finish() != nil {
								return // it is dead
							}
						}
					})
				}
				all.Wait()
				g.kill() // if the pieces did not suffice
				kept := make(map[string]bool)
				for _, v := range vs {
					if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(v.name("zip")))); err == nil {
						kept[v.path] = true
					}
				}
				pieces.Store(1 << 40)
				g = start(t, options{upstream: u.URL, dir: dir, env: env})
				if store != nil {
					g.saved()
				}
				lines := g.index("")
				for _, v := range vs {
					if store != nil && store.exists(v.path+"/@v/"+v.version+".info") != indexed(lines, v) {
						t.Errorf("%s: in the store and in the index are not the same", v.path)
					}
					if kept[v.path] && !indexed(lines, v) {
						t.Errorf("%s was kept, and is not in the index", v.path)
					}
				}
				if len(lines) < had {
					t.Errorf("got %d lines, want no fewer than the %d before", len(lines), had)
				}
				had = len(lines)
				g.stop()
				if t.Failed() {
					return
				}
			}
			if had == 0 {
				t.Error("nothing was kept, so this test has shown nothing")
			}
			g := start(t, options{upstream: u.URL, dir: dir, env: env})
			for _, v := range vs {
				g.serves(v)
			}
			g.rest()
			if store != nil {
				g.saved()
			}
			if lines := g.index(""); len(lines) != len(vs) {
				t.Errorf("once all were asked for: got %d lines, want %d", len(lines), len(vs))
			}
		})
	}
}
