package upstream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers/upstream"
)

func TestVersions(t *testing.T) {
	t.Parallel()
	s := serve(t, answers(200, "v1.1.0\n\nv1.0.0 2024-01-02T03:04:05Z\r\n<html>\nlatest\nv1\n1.2.3\n  v2.0.0+incompatible\nv0.0.0-20240102030405-abcdefabcdef"))
	got, err := list(t, s.URL).Versions(t.Context(), "example.com/Mod")
	want := []string{"v1.1.0", "v1.0.0", "v1", "v2.0.0+incompatible", "v0.0.0-20240102030405-abcdefabcdef"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, error %v; want %q", got, err, want)
	}
	if got, want := s.requests[0].URL.Path, "/example.com/!mod/@v/list"; got != want {
		t.Errorf("got path %s, want %s", got, want)
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	latest := func(l *upstream.List) ([]byte, error) { return l.Latest(t.Context(), "example.com/Mod") }
	query := func(l *upstream.List) ([]byte, error) { return l.Query(t.Context(), "example.com/Mod", "Main") }
	for _, tc := range []struct {
		claim, path string
		ask         func(*upstream.List) ([]byte, error)
	}{
		{"Latest", "/example.com/!mod/@latest", latest},
		{"Query", "/example.com/!mod/@v/!main.info", query},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			t.Parallel()
			const info = ` {"Version":"v1.2.3","Time":"2024-01-02T03:04:05Z","Origin":{"VCS":"git"}}`
			s := serve(t, answers(200, info))
			if got, err := tc.ask(list(t, s.URL)); string(got) != info {
				t.Errorf("got %s, error %v; want %s", got, err, info)
			}
			if got := s.requests[0].URL.Path; got != tc.path {
				t.Errorf("got path %s, want %s", got, tc.path)
			}
			for _, bad := range []string{
				``, `<html>`, `[]`, `{}`, `{"Version":"main"}`, `{"Version":"v1"}`, `{"Version":"v1.2.3"`,
				`{"Version":"v2.0.0"}`, `{"Version":"v1.2.3+meta"}`,
			} {
				a, b := serve(t, answers(200, bad)), serve(t, answers(200, info))
				_, err := tc.ask(list(t, a.URL+","+b.URL))
				upstreamError(t, err)
				if got, err := tc.ask(list(t, a.URL+"|"+b.URL)); string(got) != info {
					t.Errorf("%s and a pipe: got %s, error %v; want the second's", bad, got, err)
				}
			}
		})
	}
	t.Run("a query that cannot be escaped is not sent", func(t *testing.T) {
		t.Parallel()
		s := serve(t, answers(200, `{"Version":"v1.2.3"}`))
		for _, q := range []string{"feature/x", "..", "a!b", ""} {
			if _, err := list(t, s.URL).Query(t.Context(), "example.com/m", q); err == nil {
				t.Errorf("%q: got no error", q)
			}
		}
		if n := s.asked(); n > 0 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestRetries(t *testing.T) {
	t.Parallel()
	const info = `{"Version":"v1.2.3"}`
	questions := map[string]func(*testing.T, *upstream.List) error{
		"a file": func(t *testing.T, l *upstream.List) error { _, err := read(t, l, zipRef); return err },
		"a small answer": func(t *testing.T, l *upstream.List) error {
			_, err := l.Latest(t.Context(), "example.com/m")
			return err
		},
	}
	for what, ask := range questions {
		for status, passes := range statuses {
			t.Run(what+" after "+strconv.Itoa(status), func(t *testing.T) {
				t.Parallel()
				want := 1
				if passes {
					want = 4
				}
				s := serve(t, answers(status, "no"))
				if err := ask(t, list(t, s.URL)); err == nil {
					t.Error("got no error")
				}
				if n := s.asked(); n != want {
					t.Errorf("asked %d times, want %d", n, want)
				}
			})
		}
		t.Run(what+" at the fourth try", func(t *testing.T) {
			t.Parallel()
			s := serve(t, answers(503, ""), answers(429, ""), resets, answers(200, info))
			if err := ask(t, list(t, s.URL)); err != nil {
				t.Error(err)
			}
		})
		t.Run(what+" that is never answered", func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			l := list(t, s.URL)
			l.Timeout = 300 * time.Millisecond
			if err := upstreamError(t, ask(t, l)); !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "no answer for 300ms") {
				t.Errorf("got %v", err)
			}
			if n := s.asked(); n != 1 {
				t.Errorf("asked %d times, want once", n)
			}
		})
	}
	t.Run("a small answer that breaks is asked for again", func(t *testing.T) {
		t.Parallel()
		s := serveTLS(t, breaks([]byte(info), 5), breaks([]byte(info), 0), answers(200, info))
		if got, err := list(t, s.URL).Latest(t.Context(), "example.com/m"); string(got) != info {
			t.Errorf("got %q, error %v", got, err)
		}
	})
	t.Run("a small answer that stops is given up", func(t *testing.T) {
		t.Parallel()
		s := serve(t, stalls([]byte(info), 5))
		l := list(t, s.URL)
		l.Timeout = 300 * time.Millisecond
		_, err := l.Latest(t.Context(), "example.com/m")
		if upstreamError(t, err); !errors.Is(err, os.ErrDeadlineExceeded) || s.asked() != 1 {
			t.Errorf("got %v after %d requests", err, s.asked())
		}
	})
	t.Run("Retry-After is waited for", func(t *testing.T) {
		t.Parallel()
		var first time.Time
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			first = time.Now()
			answers(503, "", "Retry-After", "1")(w, r)
		}, func(w http.ResponseWriter, r *http.Request) {
			if d := time.Since(first); d < 900*time.Millisecond {
				t.Errorf("asked again after %v, want 1 s", d)
			}
			io.WriteString(w, info)
		})
		if _, err := list(t, s.URL).Latest(t.Context(), "example.com/m"); err != nil {
			t.Error(err)
		}
	})
	t.Run("a long Retry-After is respected by not asking", func(t *testing.T) {
		t.Parallel()
		for _, after := range []string{"3600", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)} {
			s := serve(t, answers(429, "", "Retry-After", after))
			if _, err := list(t, s.URL).Latest(t.Context(), "example.com/m"); upstreamError(t, err).Status != 429 {
				t.Errorf("got %v", err)
			}
			if n := s.asked(); n != 1 {
				t.Errorf("asked %d times, want once", n)
			}
		}
	})
	t.Run("a done context ends the tries, whatever the separator", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		a := serve(t, func(w http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
		b := serve(t, answers(200, info))
		_, err := list(t, a.URL+"|"+b.URL).Latest(ctx, "example.com/m")
		if u := upstreamError(t, err); u.Upstream != a.Listener.Addr().String() || !errors.Is(err, context.Canceled) || a.asked() != 1 || b.asked() != 0 {
			t.Errorf("got %v after %d and %d requests", err, a.asked(), b.asked())
		}
	})
}
