package upstream_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/internal/web"
	"github.com/modtier/modtier/tiers/upstream"
)

var _ tiers.Source = (*upstream.List)(nil)

var zipRef = tiers.Ref{Path: "example.com/Mod", Version: "v1.2.3", Kind: tiers.Zip}

// A server is a proxy of which the n-th request meets the n-th step, and all
// that follow the last one.
type server struct {
	*httptest.Server
	mu       sync.Mutex // guards requests
	requests []*http.Request
}

func serve(t *testing.T, steps ...http.HandlerFunc) *server {
	return start(t, (*httptest.Server).Start, steps...)
}

// serveTLS serves HTTP/2.
func serveTLS(t *testing.T, steps ...http.HandlerFunc) *server {
	return start(t, func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() }, steps...)
}

func start(t *testing.T, how func(*httptest.Server), steps ...http.HandlerFunc) *server {
	s := &server{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		n := len(s.requests)
		s.requests = append(s.requests, r)
		s.mu.Unlock()
		steps[min(n, len(steps)-1)](w, r)
	}))
	s.Config.ErrorLog = nil
	how(s.Server)
	t.Cleanup(s.Close)
	return s
}

func (s *server) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// header returns that of the n-th request, from 0.
func (s *server) header(n int) http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[n].Header
}

// answers makes a step that answers status and text.
func answers(status int, text string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		set(w, header)
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
}

func set(w http.ResponseWriter, header []string) {
	for i := 0; i < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
}

// list parses goproxy, with a client that trusts the test servers and without
// the netrc file of whoever runs the test.
func list(t *testing.T, goproxy string) *upstream.List {
	t.Helper()
	l, err := upstream.Parse(goproxy)
	if err != nil {
		t.Fatal(err)
	}
	l.Client = trusting(t)
	l.Netrc = filepath.Join(t.TempDir(), "none")
	return l
}

func trusting(t *testing.T) *http.Client {
	ts := httptest.NewTLSServer(nil) // all test servers have the same certificate
	defer ts.Close()
	c := web.Client(nil, web.CheckRedirect)
	tr := c.Transport.(*http.Transport)
	tr.TLSClientConfig = ts.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	tr.TLSClientConfig.NextProtos = nil
	t.Cleanup(tr.CloseIdleConnections)
	return c
}

// read opens r and reads it whole.
func read(t *testing.T, l *upstream.List, r tiers.Ref) ([]byte, error) {
	t.Helper()
	o, err := l.Open(t.Context(), r)
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	b, err := io.ReadAll(o.Body)
	if err == nil && o.Size >= 0 && o.Size != int64(len(b)) {
		t.Errorf("read %d bytes, want the Size %d", len(b), o.Size)
	}
	return b, err
}

func random(n int) []byte {
	b := make([]byte, n)
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func upstreamError(t *testing.T, err error) *tiers.UpstreamError {
	t.Helper()
	u, ok := errors.AsType[*tiers.UpstreamError](err)
	if !ok {
		t.Fatalf("got %v (%T), want an UpstreamError", err, err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%v matches fs.ErrNotExist", err)
	}
	return u
}

func TestOpen(t *testing.T) {
	t.Parallel()
	modified := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for _, tc := range []struct {
		claim string
		start func(*testing.T, ...http.HandlerFunc) *server
		proto int
	}{{"over HTTP/1.1", serve, 1}, {"over HTTP/2", serveTLS, 2}} {
		t.Run(tc.claim, func(t *testing.T) {
			t.Parallel()
			file := random(100_000)
			s := tc.start(t, func(w http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor != tc.proto {
					t.Errorf("got HTTP/%d, want HTTP/%d", r.ProtoMajor, tc.proto)
				}
				if want := "/base/example.com/!mod/@v/v1.2.3.zip"; r.URL.Path != want {
					t.Errorf("got path %s, want %s", r.URL.Path, want)
				}
				if r.Header.Get("User-Agent") != "modtier" || r.Header.Get("Accept-Encoding") != "" {
					t.Errorf("got header %v", r.Header)
				}
				http.ServeContent(w, r, "", modified, bytes.NewReader(file))
			})
			o, err := list(t, s.URL+"/base/").Open(t.Context(), zipRef)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Body.Close()
			if o.Size != int64(len(file)) || !o.ModTime.Equal(modified) || o.Tier != "upstream" {
				t.Errorf("got %d bytes of %v from %s", o.Size, o.ModTime, o.Tier)
			}
			if b, err := io.ReadAll(o.Body); err != nil || !bytes.Equal(b, file) {
				t.Errorf("got %d bytes, error %v; want the file's %d", len(b), err, len(file))
			}
		})
	}
	t.Run("a length that is not announced is unknown", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			io.WriteString(w, "module example.com/Mod\n")
		})
		r := zipRef
		r.Kind = tiers.Mod
		o, err := list(t, s.URL).Open(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Body.Close()
		b, err := io.ReadAll(o.Body)
		if o.Size != -1 || !o.ModTime.IsZero() || string(b) != "module example.com/Mod\n" || err != nil {
			t.Errorf("got %q, size %d of %v, error %v", b, o.Size, o.ModTime, err)
		}
	})
	t.Run("the path of the list is encoded as it was given", func(t *testing.T) {
		t.Parallel()
		s := serve(t, answers(200, "x"))
		if _, err := read(t, list(t, s.URL+"/a%2Fb"), zipRef); err != nil {
			t.Fatal(err)
		}
		if got, want := s.requests[0].URL.EscapedPath(), "/a%2Fb/example.com/%21mod/@v/v1.2.3.zip"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("all bytes are all, whatever follows", func(t *testing.T) {
		t.Parallel()
		file := random(size)
		s := serveTLS(t, breaks(file, size)) // resets the stream
		got, err := read(t, list(t, s.URL), zipRef)
		if err != nil || !bytes.Equal(got, file) || s.asked() != 1 {
			t.Errorf("got %d bytes, error %v, after %d requests", len(got), err, s.asked())
		}
	})
	t.Run("a done context ends a body", func(t *testing.T) {
		t.Parallel()
		s := serve(t, stalls(random(1000), 10))
		ctx, cancel := context.WithCancel(t.Context())
		o, err := list(t, s.URL).Open(ctx, zipRef)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Body.Close()
		time.AfterFunc(10*time.Millisecond, cancel)
		if _, err := io.ReadAll(o.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
	t.Run("Close ends a read and its request", func(t *testing.T) {
		t.Parallel()
		ended := make(chan struct{})
		s := serveTLS(t, func(w http.ResponseWriter, r *http.Request) {
			stalls(random(1000), 10)(w, r)
			close(ended)
		})
		o, err := list(t, s.URL).Open(t.Context(), zipRef)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(10*time.Millisecond, func() { o.Body.Close() })
		if _, err := io.ReadAll(o.Body); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("got %v, want fs.ErrClosed", err)
		}
		<-ended
		if n := s.asked(); n != 1 {
			t.Errorf("asked %d times, want once", n)
		}
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	long := func(n int, announced bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if announced {
				w.Header().Set("Content-Length", strconv.Itoa(n))
			}
			w.Write(make([]byte, n))
		}
	}
	ref := func(k tiers.Kind) tiers.Ref {
		return tiers.Ref{Path: "example.com/m", Version: "v1.0.0", Kind: k}
	}
	for _, tc := range []struct {
		claim string
		limit int
		ask   func(*upstream.List) error
	}{
		{"an info has 1 MiB", 1 << 20, func(l *upstream.List) error { _, err := read(t, l, ref(tiers.Info)); return err }},
		{"a go.mod has 16 MiB", 16 << 20, func(l *upstream.List) error { _, err := read(t, l, ref(tiers.Mod)); return err }},
		{"a list has 16 MiB", 16 << 20, func(l *upstream.List) error { _, err := l.Versions(t.Context(), "example.com/m"); return err }},
		{"a latest version has 1 MiB", 1 << 20, func(l *upstream.List) error { _, err := l.Latest(t.Context(), "example.com/m"); return err }},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			t.Parallel()
			for _, announced := range []bool{true, false} {
				s := serve(t, long(tc.limit+1, announced))
				if err := tc.ask(list(t, s.URL)); err == nil || !strings.Contains(upstreamError(t, err).Error(), "larger than") {
					t.Errorf("one byte more, announced %t: got %v", announced, err)
				}
				if n := s.asked(); n != 1 {
					t.Errorf("asked %d times, want once", n)
				}
				s = serve(t, long(tc.limit, announced))
				if err := tc.ask(list(t, s.URL)); err != nil && strings.Contains(err.Error(), "larger than") {
					t.Errorf("just so much, announced %t: got %v", announced, err)
				}
			}
		})
	}
	t.Run("a zip has 4 GiB", func(t *testing.T) {
		t.Parallel()
		for n, want := range map[int]bool{4 << 30: true, 4<<30 + 1: false} {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(n))
				w.(http.Flusher).Flush()
			})
			o, err := list(t, s.URL).Open(t.Context(), zipRef)
			if got := err == nil; got != want {
				t.Errorf("%d bytes: got error %v", n, err)
			}
			if err == nil {
				o.Body.Close()
			}
		}
	})
	t.Run("what is over it is not waited for", func(t *testing.T) {
		t.Parallel()
		ended := make(chan struct{})
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			w.Write(make([]byte, 1<<20+1))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			close(ended)
		})
		o, err := list(t, s.URL).Open(t.Context(), ref(tiers.Info))
		if err != nil {
			t.Fatal(err)
		}
		defer o.Body.Close()
		if _, err := io.Copy(io.Discard, o.Body); err == nil {
			t.Error("got no error")
		}
		<-ended
	})
}
