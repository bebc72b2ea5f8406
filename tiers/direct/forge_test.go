package direct_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers/direct"
)

// A forge serves git repositories over HTTP, as git http-backend does it, and
// counts. Modules reach it as github.com/acme/...: the go command asks no server
// where such a repository is, and git is told to find it here.
type forge struct {
	*httptest.Server
	t    testing.TB
	dir  string
	down atomic.Bool  // answers 503
	sent atomic.Int64 // bytes
	user string       // what basic authentication wants; "" for none

	mu      sync.Mutex
	packs   map[string]int    // packs sent, by repository
	asked   map[string]int    // requests, by repository
	hanging map[string]*hang  // repositories that do not answer
	meta    map[string]string // what ?go-get=1 says, by path; "gone" is a 410
	left    chan string       // a repository of which a waiting client has gone
}

func newForge(t testing.TB, secure ...bool) *forge {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		if os.Getenv("MODTIER_E2E") == "require" {
			t.Fatalf("%v, and MODTIER_E2E=require allows no skip", err)
		}
		t.Skip("needs git")
	}
	f := &forge{
		t: t, dir: t.TempDir(), packs: map[string]int{}, asked: map[string]int{},
		hanging: map[string]*hang{}, meta: map[string]string{}, left: make(chan string, 100),
	}
	backend := &cgi.Handler{
		Path: git, Args: []string{"http-backend"}, Stderr: io.Discard,
		Env: []string{"GIT_PROJECT_ROOT=" + f.dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + f.dir},
	}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		f.mu.Lock()
		f.asked[name]++
		if strings.HasSuffix(r.URL.Path, "/git-upload-pack") && isFetch(r) {
			f.packs[name]++
		}
		h, meta := f.hanging[name], f.meta[r.URL.Path]
		f.mu.Unlock()
		switch {
		case h != nil && !h.wait(r.Context()):
			f.left <- name
			return
		case r.URL.Query().Get("go-get") != "1":
		case meta == "gone":
			http.Error(w, "gone", http.StatusGone)
			return
		case meta != "":
			fmt.Fprintf(w, `<html><head><meta name="go-import" content="%s"></head></html>`, meta)
			return
		default:
			http.NotFound(w, r)
			return
		}
		if user, pass, _ := r.BasicAuth(); f.user != "" && user+":"+pass != f.user {
			w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		if f.down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		backend.ServeHTTP(counting{w, &f.sent}, r)
	}))
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	if len(secure) > 0 {
		f.StartTLS()
	} else {
		f.Start()
	}
	t.Cleanup(f.Close)
	return f
}

// isFetch tells a request for a pack from one for names, of protocol version 2.
func isFetch(r *http.Request) bool {
	b, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(b)))
	return strings.Contains(string(b), "command=fetch") && strings.Contains(string(b), "done") ||
		r.Header.Get("Content-Encoding") == "gzip"
}

type counting struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// A hang is a repository that does not answer until it is released.
type hang struct {
	begin    func()
	begun    chan struct{} // closed once somebody waits
	released chan struct{}
}

// wait returns whether it was released while somebody still waited.
func (h *hang) wait(ctx context.Context) bool {
	h.begin()
	select {
	case <-h.released:
		return true
	case <-ctx.Done():
		return false
	}
}

// hang makes a repository hang.
func (f *forge) hang(name string) (begun <-chan struct{}, release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := &hang{begun: make(chan struct{}), released: make(chan struct{})}
	h.begin = sync.OnceFunc(func() { close(h.begun) })
	f.hanging[name] = h
	return h.begun, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.hanging, name)
		close(h.released)
	}
}

func (f *forge) packsOf(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.packs[name]
}

func (f *forge) requests() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.asked {
		n += a
	}
	return n
}

// fetcher returns one that reaches nothing but f.
func (f *forge) fetcher(change ...func(*direct.Fetcher)) *direct.Fetcher {
	f.t.Helper()
	d := &direct.Fetcher{Dir: f.t.TempDir(), Env: f.env(), Netrc: os.DevNull, HGRC: os.DevNull}
	for _, c := range change {
		c(d)
	}
	f.t.Cleanup(func() { d.Close() })
	return d
}

func (f *forge) env() []string {
	return []string{
		"GIT_CONFIG_COUNT=2",
		"GIT_CONFIG_KEY_0=url." + f.URL + "/.insteadOf", "GIT_CONFIG_VALUE_0=https://github.com/acme/",
		"GIT_CONFIG_KEY_1=url." + f.URL + "/.insteadOf", "GIT_CONFIG_VALUE_1=https://example.com/",
		"HTTPS_PROXY=http://127.0.0.1:9", "https_proxy=", "HTTP_PROXY=", "http_proxy=", "ALL_PROXY=", "NO_PROXY=127.0.0.1",
	}
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
