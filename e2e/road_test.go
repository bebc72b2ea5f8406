package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"time"
)

// A road leads a gateway to the real upstream, until it is cut.
type road struct {
	*httptest.Server

	mu    sync.Mutex     // guards asked
	asked map[string]int // requests by file name extension, such as ".zip"
}

// newRoad returns a road to the proxy at target.
func newRoad(t testing.TB, target *url.URL) *road {
	r := &road{asked: make(map[string]int)}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			if u := target.User; u != nil {
				password, _ := u.Password()
				p.Out.SetBasicAuth(u.Username(), password)
			}
		},
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			ForceAttemptHTTP2:   true,
			DisableCompression:  true,
			MaxIdleConnsPerHost: 64,
		},
		FlushInterval: -1,
	}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.asked[path.Ext(req.URL.Path)]++
		r.mu.Unlock()
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

// count returns how many module files of a kind were asked for.
func (r *road) count(kind string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked["."+kind]
}

// cut takes the upstream off the network for good.
func (r *road) cut() {
	r.Listener.Close()
	r.CloseClientConnections()
}

// realUpstream returns the proxy that the go command uses on this machine. Where
// it cannot be reached, the test is skipped, or fails if MODTIER_E2E=require.
func realUpstream(t testing.TB) *url.URL {
	t.Helper()
	u, why := reachUpstream(t)
	if why == "" {
		return u
	}
	if os.Getenv("MODTIER_E2E") == "require" {
		t.Fatal(why)
	}
	t.Skip(why)
	return nil
}

func reachUpstream(t testing.TB) (u *url.URL, why string) {
	entry, _, _ := strings.Cut(strings.ReplaceAll(goSettings().GOPROXY, "|", ","), ",")
	u, err := url.Parse(strings.TrimSuffix(entry, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, "go env GOPROXY names no proxy that speaks HTTP"
	}
	path, _ := firstRequired(t, "testdata/all/go.mod")
	client := &http.Client{Timeout: 20 * time.Second}
	resp, err := client.Get(u.String() + "/" + escape(path) + "/@v/list")
	if err != nil {
		return nil, "the upstream of this machine cannot be reached: " + err.Error()
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return nil, "the upstream of this machine does not answer: " + resp.Status
	}
	return u, ""
}

// firstRequired returns the first requirement of a go.mod.
func firstRequired(t testing.TB, gomod string) (path, version string) {
	t.Helper()
	b, err := os.ReadFile(gomod)
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(b), "require (")
	f := strings.Fields(block)
	if len(f) < 2 {
		t.Fatalf("%s requires nothing", gomod)
	}
	return f[0], f[1]
}
