package e2e

import (
	"bytes"
	"net/http"
	"testing"
)

// TestDownloadGoesOnAfterReset resets the upstream's connection at 40 % of a zip
// under the real go command.
func TestDownloadGoesOnAfterReset(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		name := "with Range support"
		if plain {
			name = "without Range support"
		}
		t.Run(name, func(t *testing.T) {
			v := version{path: "example.com/broken", version: "v1.0.0", size: 5 << 20}
			u := newUpstream(t, v)
			u.plain = plain
			u.next(v.url("zip"), breakAt(.4))
			g := start(t, options{upstream: u.URL})
			c := newGo(t, g.url, "")
			c.run("mod", "download", "example.com/broken@v1.0.0")
			if !bytes.Equal(c.cached(v, "zip"), v.file("zip")) {
				t.Error("the go command has got another zip")
			}
			asked := u.requests(v.url("zip"))
			if len(asked) != 2 {
				t.Fatalf("requests for the zip: got %v, want 2", asked)
			}
			if got := asked[1].Get("Range"); (got == "") != plain {
				t.Errorf("Range of the second request: got %q", got)
			}
			if got := g.metric("modtier_fill_resumes_total"); got != 1 {
				t.Errorf("resumes: got %v, want 1", got)
			}
			g.rest()
			untorn(t, g.dir, []version{v})
			u.cut()
			g.serves(v)
		})
	}
}

// TestNoMixOfTwoCopies has the upstream send one copy until it breaks, and from
// then on another one of the same size.
func TestNoMixOfTwoCopies(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		name := "with Range support"
		if plain {
			name = "without Range support"
		}
		t.Run(name, func(t *testing.T) {
			first := version{path: "example.com/changed", version: "v1.0.0", size: 5 << 20, copy: "first"}
			second := first
			second.copy = "second"
			u := newUpstream(t, second)
			u.plain = plain
			breaks := func(w http.ResponseWriter, r *http.Request, _ []byte) {
				if !plain {
					w.Header().Set("ETag", `"first"`)
				}
				breakAt(.4)(w, r, first.file("zip"))
			}
			u.next(second.url("zip"), breaks)
			g := start(t, options{upstream: u.URL})

			d, err := g.begin(second.url("zip"))
			if err == nil {
				err = d.finish()
			}
			if err == nil {
				t.Errorf("the client got %d bytes as a whole file", d.n)
			}
			g.rest()
			if got := g.metric("modtier_fills_total", `outcome="corrupt"`); got != 1 {
				t.Errorf("corrupt fills: got %v, want 1", got)
			}
			if names := kept(t, g.dir); len(names) > 0 {
				t.Errorf("in the tree: got %q, want nothing", names)
			}

			// The real go command, once more from the start.
			u.next(second.url("zip"), breaks)
			c := newGo(t, g.url, "")
			if _, err := c.try("mod", "download", "example.com/changed@v1.0.0"); err == nil {
				t.Error("go mod download: got no error")
			} else if zip := c.cached(second, "zip"); zip != nil {
				t.Errorf("go mod download: keeps a zip of %d bytes", len(zip))
			}
			c.run("mod", "download", "example.com/changed@v1.0.0")
			if !bytes.Equal(c.cached(second, "zip"), second.file("zip")) {
				t.Error("the go command has got another zip than the upstream has now")
			}
			g.rest()
			untorn(t, g.dir, []version{second})
		})
	}
}
