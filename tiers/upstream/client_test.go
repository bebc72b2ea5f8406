package upstream_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
)

func TestErrorText(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ claim, contentType, body, want string }{
		{"plain text is quoted", "text/plain; charset=utf-8", "not found: m@v1:\n\tunknown revision\n", "not found: m@v1:\n\tunknown revision"},
		{"of any case and without a charset", "Text/Plain", "so", "so"},
		{"HTML is not", "text/html", "<h1>no</h1>", ""},
		{"nor is JSON", "application/json", "{}", ""},
		{"nor is another charset", "text/plain; charset=utf-16", "so", ""},
		{"it does not control a terminal", "text/plain", "a\x1b[31mb\x00\x7f\r\nc\u202e\u0085d", "a[31mb\ncd"},
		{"it is valid UTF-8", "text/plain", "a\xffb\xc3", "ab"},
		{"it has 1 KiB", "text/plain", strings.Repeat("ä", 600), strings.Repeat("ä", 512)},
		{"and no half characters", "text/plain", "x" + strings.Repeat("ä", 600), "x" + strings.Repeat("ä", 511)},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			t.Parallel()
			s := serve(t, answers(404, tc.body, "Content-Type", tc.contentType), answers(403, tc.body, "Content-Type", tc.contentType))
			l := list(t, s.URL)
			want := tc.want
			if want == "" {
				want = "not found"
			}
			if _, err := l.Open(t.Context(), zipRef); err == nil || err.Error() != want {
				t.Errorf("404: got %q, want %q", err, want)
			}
			_, err := l.Open(t.Context(), zipRef)
			if u := upstreamError(t, err); u.Text != tc.want {
				t.Errorf("403: got %q, want %q", u.Text, tc.want)
			}
		})
	}
	t.Run("a loop is called one", func(t *testing.T) {
		t.Parallel()
		s := serve(t, answers(508, "found mt1 in Via"))
		_, err := list(t, s.URL).Open(t.Context(), zipRef)
		if u := upstreamError(t, err); u.Status != 508 || u.Text != "this gateway is its own upstream: found mt1 in Via" {
			t.Errorf("got %#v", u)
		}
	})
}

func TestVia(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ chain, via, want string }{
		{"", "", ""},
		{"", "mt1", "1.1 mt1"},
		{"1.1 a, 2 b", "mt1", "1.1 a, 2 b, 1.1 mt1"},
		{"1.1 a", "", "1.1 a"},
	} {
		file := random(size)
		s := serve(t, answers(503, ""), breaks(file, cut), sends(file))
		l := list(t, s.URL)
		l.Via = tc.via
		o, err := l.Open(tiers.WithVia(t.Context(), tc.chain), zipRef)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, o.Body); err != nil {
			t.Fatal(err)
		}
		o.Body.Close()
		if _, err := l.Versions(tiers.WithVia(t.Context(), tc.chain), "example.com/m"); err != nil {
			t.Fatal(err)
		}
		for i := range s.asked() {
			if got := s.header(i).Get("Via"); got != tc.want {
				t.Errorf("request %d: got %q, want %q", i, got, tc.want)
			}
		}
	}
}

func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	for proto, useTLS := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run("over "+proto, func(t *testing.T) {
			t.Parallel()
			file := random(size)
			accepted := new(atomic.Int32)
			steps := []http.HandlerFunc{
				sends(file),
				answers(404, "a text\n"),
				answers(404, strings.Repeat("<p>", 4000), "Content-Type", "text/html"),
				answers(503, "again"),
				sends(file),
				answers(200, `{"Version":"v1.0.0"}`),
			}
			s := start(t, func(s *httptest.Server) {
				s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
					if state == http.StateNew {
						accepted.Add(1)
					}
				}
				if s.EnableHTTP2 = useTLS; useTLS {
					s.StartTLS()
				} else {
					s.Start()
				}
			}, steps...)
			l := list(t, s.URL)
			for range 4 {
				read(t, l, zipRef)
			}
			if _, err := l.Latest(t.Context(), "example.com/m"); err != nil {
				t.Fatal(err)
			}
			if n := accepted.Load(); n != 1 || s.asked() != len(steps) {
				t.Errorf("got %d connections for %d requests, want 1 for %d", n, s.asked(), len(steps))
			}
		})
	}
	t.Run("a body that is given up holds up no other", func(t *testing.T) {
		// Over HTTP/2 all bodies share the window of one connection.
		t.Parallel()
		file := random(1 << 20)
		s := serveTLS(t, sends(file))
		l := list(t, s.URL)
		l.Client.Transport.(*http.Transport).HTTP2.MaxReceiveBufferPerConnection = 1 << 17
		l.Stall = 5 * time.Second
		for range 10 {
			ctx, cancel := context.WithCancel(t.Context())
			o, err := l.Open(ctx, zipRef)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(io.Discard, o.Body, 1<<17); err != nil {
				t.Fatal(err)
			}
			cancel()
		}
		if _, err := read(t, l, zipRef); err != nil || s.asked() != 11 {
			t.Errorf("got %v after %d requests", err, s.asked())
		}
	})
}
