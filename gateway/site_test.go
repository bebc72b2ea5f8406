package gateway_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/memory"
	"github.com/modtier/modtier/tiers/tierstest"
	"github.com/modtier/modtier/tiers/upstream"
)

// hot is a version that every origin has.
var (
	hot      = module.Version{Path: "example.com/hot", Version: "v1.0.0"}
	hotFiles = tierstest.Version(hot, "a")
	hotMod   = "/example.com/hot/@v/v1.0.0.mod"
	hotZip   = "/example.com/hot/@v/v1.0.0.zip"
)

// A site is a gateway on a socket, made as wire.go makes it: real tiers, real
// metrics, and an upstream on another socket.
type site struct {
	*httptest.Server
	gateway *gateway.Gateway
	stack   *tiers.Stack
	memory  *memory.Cache
	list    *upstream.List // of the origin
	origin  *origin
	dir     string       // of the disk tier
	serving atomic.Int64 // requests
}

// newSite serves with what change makes of it, over a new origin in a new
// directory.
func newSite(t *testing.T, change ...func(*site)) *site {
	t.Helper()
	return openSite(t, t.TempDir(), newOrigin(t), change...)
}

// openSite is newSite in a directory and over an origin that may be those of a
// site that was closed.
func openSite(t *testing.T, dir string, o *origin, change ...func(*site)) *site {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	disk, err := tiers.OpenDisk(dir, tiers.DiskLimits{Size: 1 << 30}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	mem, err := memory.Open(1<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mem.Close)
	list, err := upstream.Parse(o.URL)
	if err != nil {
		t.Fatal(err)
	}
	list.Client = o.Client()
	list.SumDBs = []string{"sum.example.com"}
	m := metrics.New("test")
	list.OnResume = m.Resumed
	caches := []tiers.Cache{
		m.Cache(mem, "memory", mem.Usage, mem.Limit()),
		m.Cache(disk, "disk", disk.Usage, disk.Limit()),
	}
	s := &site{list: list, origin: o, memory: mem, dir: dir}
	s.stack = &tiers.Stack{Caches: caches, Disk: disk, Upstream: m.Source(list, "upstream"), Filled: m.Filled, Log: log}
	m.Stack(s.stack)
	s.gateway = &gateway.Gateway{
		Files:    s.stack,
		Held:     s.stack.Held(),
		Upstream: list,
		Notes:    disk,
		Caches:   []string{"memory", "disk"},
		Times:    gateway.Times{Fresh: time.Minute, Revalidate: 10 * time.Minute, Stale: 168 * time.Hour, Negative: 30 * time.Second},
		SumDBs:   []string{"sum.example.com"},
		Home:     "This is modtier.\n",
		Version:  []byte(`{"version":"test"}`),
		ID:       "modtier-test",
		Ready:    disk.Check,
		Metrics:  m.Handler(),
		Observe:  func(r gateway.Request) { m.Request(r.Kind, r.Code, r.ServedBy, r.Duration, r.Bytes, r.TraceID) },
		Answer:   m.Answer,
		Log:      log,
	}
	for _, do := range change {
		do(s)
	}
	handler := s.gateway.Handler()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serving.Add(1)
		defer s.serving.Add(-1)
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.close)
	return s
}

// close ends the site. Its directory may then be opened again.
func (s *site) close() {
	s.Server.Close()
	s.stack.Drain(context.Background())
}

// settle waits until all requests are over and counted, and what was filled is
// on disk and in memory.
func (s *site) settle(t *testing.T) {
	t.Helper()
	await(t, func() bool { return s.serving.Load() == 0 })
	if err := s.stack.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.memory.Wait()
}

// warm makes the site hold all of hot, the small files in memory.
func (s *site) warm(t *testing.T) *site {
	t.Helper()
	for _, kind := range tierstest.Kinds {
		s.get(t, "/example.com/hot/@v/v1.0.0."+kind.String()).is(t, 200)
	}
	s.settle(t)
	return s
}

// A reply is a response that was read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// get asks for path, as it is written, with pairs of header names and values.
func (s *site) get(t *testing.T, path string, header ...string) reply {
	t.Helper()
	return s.ask(t, "GET", path, header...)
}

func (s *site) ask(t *testing.T, method, path string, header ...string) reply {
	t.Helper()
	resp := s.begin(t, method, path, header...)
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{resp.StatusCode, resp.Header, string(b)}
}

// begin asks and returns when the response begins. What it says of caches and
// proxies must be well formed, whatever it is.
func (s *site) begin(t *testing.T, method, path string, header ...string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // else a bug could hang the test
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	checkStatusFields(t, resp.Header)
	return resp
}

// is checks the status.
func (r reply) is(t *testing.T, want int) reply {
	t.Helper()
	if r.status != want {
		t.Errorf("got status %d, want %d; it says %q", r.status, want, r.body)
	}
	return r
}

// has checks a header; "" is none.
func (r reply) has(t *testing.T, name, want string) reply {
	t.Helper()
	if got := strings.Join(r.header.Values(name), " & "); got != want {
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
	return r
}

// says checks the body.
func (r reply) says(t *testing.T, want string) reply {
	t.Helper()
	if r.body != want {
		t.Errorf("got %d bytes %.200q, want %d bytes %.200q", len(r.body), r.body, len(want), want)
	}
	return r
}

// tells checks that the body is a text for a person, and what is in it.
func (r reply) tells(t *testing.T, want string) reply {
	t.Helper()
	r.has(t, "Content-Type", "text/plain; charset=utf-8")
	if !strings.Contains(r.body, want) {
		t.Errorf("it says %q, want %q in it", r.body, want)
	}
	return r
}

// await waits until done, which something that runs already brings about.
func await(t *testing.T, done func() bool) {
	t.Helper()
	for begun := time.Now(); !done(); {
		if t.Context().Err() != nil || time.Since(begun) > time.Minute {
			t.Fatal("it did not come")
		}
		runtime.Gosched()
	}
}

// upstreamIs gives a site another upstream list.
func upstreamIs(t *testing.T, s *site, goproxy string) {
	t.Helper()
	list, err := upstream.Parse(goproxy)
	if err != nil {
		t.Fatal(err)
	}
	s.list, s.gateway.Upstream, s.stack.Upstream = list, list, list
}
