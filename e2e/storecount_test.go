package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A countedRoad leads a gateway to a store and counts what is asked of it.
type countedRoad struct {
	*httptest.Server

	mu    sync.Mutex // guards asked
	asked []string   // each as "GET key", "LIST prefix" and so on
}

// newCountedRoad returns a road to the server at address. A request passes as it
// was signed: its host is a part of what the signature covers.
func newCountedRoad(t testing.TB, address string) *countedRoad {
	r := new(countedRoad)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: address})
			p.Out.Host = p.In.Host
		},
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
	}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		what := req.Method + " " + strings.TrimPrefix(req.URL.Path, "/"+s3Bucket+"/")
		if req.URL.Query().Get("list-type") != "" {
			what = "LIST " + req.URL.Query().Get("prefix")
		}
		r.mu.Lock()
		r.asked = append(r.asked, what)
		r.mu.Unlock()
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

// since returns what was asked about modules after the first n requests, sorted,
// and how many requests there were by now. What a gateway asks to see whether the
// store can be used is about no module: it lists the bucket, and writes below
// .modtier.
func (r *countedRoad) since(t testing.TB, n int) (asked []string, now int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, what := range r.asked[n:] {
		_, name, _ := strings.Cut(what, " ")
		switch {
		case strings.HasPrefix(name, "example.com/"):
			asked = append(asked, what)
		case what != "LIST " && !strings.HasPrefix(name, ".modtier/probe-"):
			t.Errorf("the store was asked: %s", what)
		}
	}
	slices.Sort(asked)
	return asked, len(r.asked)
}

// storeRequests returns one request of a method for each of these files.
func storeRequests(method string, vs []version, which ...string) (all []string) {
	for _, v := range vs {
		for _, kind := range which {
			all = append(all, method+" "+v.key(kind))
		}
	}
	slices.Sort(all)
	return all
}

func wantAsked(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("asked of the store:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRequestsAtTheStore counts what builds cost at the store.
func TestRequestsAtTheStore(t *testing.T) {
	t.Parallel()
	store := newS3Server(t)
	vs := many(6, "example.com/Dep", 20_000)
	lone := version{path: "example.com/lone", version: "v1.0.0", size: 20_000}
	u := newUpstream(t, append(vs, lone)...)
	road := newCountedRoad(t, store.addr)
	env := store.env(road.Listener.Addr().String())
	g := start(t, options{upstream: u.URL, env: env})

	// build has a go command with an empty cache fetch all of vs.
	build := func(t *testing.T, g *gateway) {
		t.Helper()
		var mod strings.Builder
		mod.WriteString("module example.com/main\n\ngo 1.26\n\nrequire (\n")
		for _, v := range vs {
			fmt.Fprintf(&mod, "\t%s %s\n", v.path, v.version)
		}
		mod.WriteString(")\n")
		c := newGo(t, g.url, "")
		put(t, c.dir+"/go.mod", []byte(mod.String()))
		c.run("mod", "download")
		for _, v := range vs {
			if sumOf(c.cached(v, "zip")) != sumOf(v.file("zip")) {
				t.Errorf("the go command has got another zip of %s", v.path)
			}
		}
		g.saved()
	}

	at := 0
	t.Run("a go.mod that is kept alone is one write, and the whole version two more", func(t *testing.T) {
		g.serves(lone, "mod")
		g.saved()
		var asked []string
		asked, at = road.since(t, at)
		wantAsked(t, asked, slices.Concat(
			storeRequests("GET", []version{lone}, "mod"), // the miss
			storeRequests("PUT", []version{lone}, "mod")))
		g.serves(lone)
		g.saved()
		asked, at = road.since(t, at)
		wantAsked(t, asked, slices.Concat(
			storeRequests("GET", []version{lone}, "info", "zip"),
			storeRequests("PUT", []version{lone}, "info", "zip")))
	})
	t.Run("a build from upstream misses each file once and writes it once", func(t *testing.T) {
		build(t, g)
		var asked []string
		asked, at = road.since(t, at)
		wantAsked(t, asked, slices.Concat(storeRequests("GET", vs, kinds...), storeRequests("PUT", vs, kinds...)))
		store.hasOnly(append(vs, lone)...)
	})
	t.Run("a build that is repeated asks nothing", func(t *testing.T) {
		before := u.total()
		build(t, g)
		var asked []string
		asked, at = road.since(t, at)
		wantAsked(t, asked, nil)
		if n := u.total(); n != before {
			t.Errorf("requests to upstream: got %d more, want 0", n-before)
		}
	})
	t.Run("so it is after a restart", func(t *testing.T) {
		g.stop()
		again := start(t, options{upstream: u.URL, env: env, dir: g.dir})
		build(t, again)
		again.stop()
		var asked []string
		asked, at = road.since(t, at)
		wantAsked(t, asked, nil)
	})
	t.Run("the first build through a new edge reads each file once", func(t *testing.T) {
		before := u.total()
		edge := start(t, options{upstream: u.URL, env: env})
		build(t, edge)
		edge.stop()
		var asked []string
		asked, at = road.since(t, at)
		wantAsked(t, asked, storeRequests("GET", vs, kinds...))
		if n := u.total(); n != before {
			t.Errorf("requests to upstream: got %d more, want 0", n-before)
		}
	})
}
