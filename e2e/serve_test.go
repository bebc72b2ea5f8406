package e2e

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const serveUser, servePass = "edge", "serve-sesame-4a7f"

// serving returns what a gateway needs to be a store for others.
func serving() []string {
	return []string{"MODTIER_SERVE_LISTEN=127.0.0.1:0", "MODTIER_SERVE_USER=" + serveUser, "MODTIER_SERVE_PASS=" + servePass}
}

const servingLine = "serving the stack as an external store"

// storeURL returns where g is a store for others.
func (g *gateway) storeURL() string {
	g.t.Helper()
	line, ok := g.log.await(servingLine, g.exited)
	if !ok {
		g.t.Fatal("modtier is no store for others")
	}
	return "http://" + line["address"].(string)
}

// storedAt returns what a gateway needs to have the store at address, as store
// external, with these credentials.
func storedAt(t testing.TB, address, user, pass string) []string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, pass)
	return []string{"ATHENS_STORAGE_TYPE=external", "ATHENS_EXTERNAL_STORAGE_URL=" + u.String(), "ATHENS_SUM_DBS="}
}

// request returns the answer to a request with these credentials.
func request(t testing.TB, method, url, user, pass, body string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, pass)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// TestGatewayAsStore has a regional gateway with a store of its own, and edges over
// it for which it is the store.
func TestGatewayAsStore(t *testing.T) {
	t.Parallel()
	store := newS3Server(t)
	vs := append(many(4, "example.com/Served", 50_000),
		version{path: "example.com/served/v2", version: "v2.0.0-RC1", size: 10},
		version{path: "example.com/old", version: "v3.1.0+incompatible", size: 10})
	absent := version{path: "example.com/absent", version: "v1.0.0"}
	region := start(t, options{env: store.env("", serving()...)})
	address := region.storeURL()
	edge := start(t, options{upstream: newUpstream(t, vs...).URL, env: storedAt(t, address, serveUser, servePass)})

	t.Run("what an edge fills ends in the region, and in its store", func(t *testing.T) {
		c := newGo(t, edge.url, "")
		for _, v := range vs {
			c.run("mod", "download", v.path+"@"+v.version)
			if sumOf(c.cached(v, "zip")) != sumOf(v.file("zip")) {
				t.Errorf("the go command has got another zip of %s", v.path)
			}
		}
		edge.saved()
		region.saved()
		store.hasOnly(vs...)
		untorn(t, region.dir, vs)
		for _, v := range vs {
			region.serves(v)
		}
	})
	t.Run("a new edge over the region reads it all", func(t *testing.T) {
		fresh := start(t, options{env: storedAt(t, address, serveUser, servePass)})
		c := newGo(t, fresh.url, "")
		for _, v := range vs {
			fresh.serves(v)
			c.run("mod", "download", v.path+"@"+v.version)
		}
		if got, want := c.run("list", "-m", "-versions", vs[0].path), vs[0].path+" "+vs[0].version+"\n"; got != want {
			t.Errorf("go list -m -versions: got %q, want %q", got, want)
		}
		fresh.lacks(absent, "zip")
	})
	t.Run("without the password there is nothing", func(t *testing.T) {
		for _, path := range []string{vs[0].url("zip"), vs[0].url("save"), vs[0].url("delete"), "/catalog", "/", "/no/such/path"} {
			for _, method := range []string{"GET", "POST", "DELETE"} {
				for _, pass := range []string{"", "wrong"} {
					status, text := request(t, method, address+path, serveUser, pass, "")
					if status != http.StatusUnauthorized || strings.Contains(text, servePass) {
						t.Errorf("%s %s with the password %q: got status %d, %q, want 401", method, path, pass, status, text)
					}
				}
			}
		}
	})
	t.Run("nobody saves or deletes where modules are served", func(t *testing.T) {
		for _, x := range []struct{ method, kind string }{{"POST", "save"}, {"DELETE", "delete"}, {"DELETE", "zip"}, {"PUT", "zip"}} {
			status, text := request(t, x.method, region.url+vs[0].url(x.kind), serveUser, servePass, "x")
			if status != http.StatusMethodNotAllowed {
				t.Errorf("%s of a .%s: got status %d, %q, want 405", x.method, x.kind, status, text)
			}
		}
		region.serves(vs[0])
		store.hasOnly(vs...)
	})
	t.Run("modules are not served where others save", func(t *testing.T) {
		for _, path := range []string{"/", "/healthz", "/healthz?deep=1", "/readyz", "/metrics", "/version", "/robots.txt",
			"/" + escape(vs[0].path) + "/@latest", "/" + escape(vs[0].path) + "/@v/master.info", "/sumdb/sum.example/supported"} {
			if status, text := request(t, "GET", address+path, serveUser, servePass, ""); status != http.StatusNotFound {
				t.Errorf("GET %s: got status %d, %q, want 404", path, status, text)
			}
		}
	})
	t.Run("what is deleted there is gone from the region and its store", func(t *testing.T) {
		last := vs[len(vs)-1]
		if status, text := request(t, "DELETE", address+last.url("delete"), serveUser, servePass, ""); status != http.StatusOK {
			t.Errorf("got status %d, %q, want 200", status, text)
		}
		region.lacks(last, "zip")
		store.hasOnly(vs[:len(vs)-1]...)
		if status, _ := request(t, "DELETE", address+last.url("delete"), serveUser, servePass, ""); status != http.StatusNotFound {
			t.Errorf("for the second time: got status %d, want 404", status)
		}
	})
	t.Run("unless it is told to, a gateway is no store for others", func(t *testing.T) {
		g := start(t, options{env: slices.DeleteFunc(serving(), func(s string) bool { return strings.HasPrefix(s, "MODTIER_SERVE_LISTEN") })})
		g.stop()
		if strings.Contains(g.log.String(), servingLine) {
			t.Error("modtier listens where nobody told it to")
		}
	})
}
