package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestCatalogOverAStore reads the catalog as a mirror tool does, in pages.
func TestCatalogOverAStore(t *testing.T) {
	t.Parallel()
	store := newS3Server(t)
	// Of these paths one is the other's prefix, one is in upper case, and one has
	// more versions than a page.
	vs := append(many(3, "example.com/listed", 100),
		version{path: "example.com/listed0/sub", version: "v0.1.0", size: 100},
		version{path: "example.com/Upper", version: "v1.0.0-RC1", size: 100},
		version{path: "example.com/listed1/v2", version: "v2.0.0", size: 100})
	for i := range 9 {
		vs = append(vs, version{path: "example.com/often", version: fmt.Sprintf("v1.%d.0", i), size: 100})
	}
	lone := version{path: "example.com/lone", version: "v1.0.0"}
	filler := start(t, options{upstream: newUpstream(t, append(vs, lone)...).URL, env: store.env("")})
	for _, v := range vs {
		filler.serves(v)
	}
	filler.serves(lone, "mod")
	filler.saved()

	var want []string
	for _, v := range vs {
		want = append(want, v.path+" "+v.version)
	}
	slices.Sort(want)
	fresh := start(t, options{env: store.env("")})
	for name, g := range map[string]*gateway{"of the gateway that filled it": filler, "of one that has nothing on disk": fresh} {
		t.Run("the catalog "+name+" has each whole version once, in pages of 4", func(t *testing.T) {
			var got []string
			token := ""
			for pages := 1; ; pages++ {
				status, body, err := g.get("/catalog?pagesize=4&token=" + url.QueryEscape(token))
				var page struct {
					Modules []struct{ Module, Version string }
					Next    string
				}
				if err == nil {
					err = json.Unmarshal(body, &page)
				}
				if err != nil || status != http.StatusOK || len(page.Modules) > 4 || pages > 2*len(vs) {
					t.Fatalf("page %d: got status %d, %q, %v", pages, status, body, err)
				}
				for _, m := range page.Modules {
					got = append(got, m.Module+" "+m.Version)
				}
				if token = page.Next; token == "" {
					break
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
	t.Run("a token that is none is the client's mistake", func(t *testing.T) {
		for _, token := range []string{"7:", "0", "no token"} {
			status, body, err := fresh.get("/catalog?token=" + url.QueryEscape(token))
			if err != nil || status != http.StatusBadRequest {
				t.Errorf("token %q: got status %d, %q, %v, want 400", token, status, body, err)
			}
		}
	})
}

// TestDeepHealth asks a gateway for the health of its tiers, of which one is down.
func TestDeepHealth(t *testing.T) {
	t.Parallel()
	const user, pass = "ops", "health-sesame-77"
	store := newS3Server(t)
	g := start(t, options{env: store.env("", "BASIC_AUTH_USER="+user, "BASIC_AUTH_PASS="+pass)})
	says := func(t *testing.T, path, user string, want int, text ...string) {
		t.Helper()
		status, body := request(t, "GET", g.url+path, user, pass, "")
		if status != want {
			t.Errorf("%s: got status %d, %q, want %d", path, status, body, want)
		}
		for _, part := range text {
			if !strings.Contains(body, part) {
				t.Errorf("%s: got %q, want %q in it", path, body, part)
			}
		}
		if strings.Contains(body, s3Secret) || strings.Contains(body, pass) {
			t.Errorf("%s tells a secret: %q", path, body)
		}
	}
	t.Run("all is well", func(t *testing.T) {
		says(t, "/healthz", "", 200, "ok")
		says(t, "/readyz", "", 200, "ready")
		says(t, "/healthz?deep=1", user, 200, "disk: ok", "s3: ok")
	})
	t.Run("a deep check, which costs requests, needs the password", func(t *testing.T) {
		says(t, "/healthz?deep=1", "", 401)
		says(t, "/healthz?deep=1", "nobody", 401)
		says(t, "/catalog", "", 401)
	})
	t.Run("with the store down, it is named, and the gateway lives and is ready", func(t *testing.T) {
		store.stop()
		says(t, "/healthz?deep=1", user, 503, "disk: ok", "s3: no answer from "+store.addr)
		says(t, "/healthz", "", 200, "ok")
		says(t, "/readyz", "", 200, "ready")
	})
	t.Run("when it is back all is well again", func(t *testing.T) {
		store.start()
		says(t, "/healthz?deep=1", user, 200, "disk: ok", "s3: ok")
	})
}
