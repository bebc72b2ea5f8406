package gateway_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// A page of lines that may be written and read at once.
type lines struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// take returns what was written since the last time.
func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

func TestWhoIsRefusedIsLogged(t *testing.T) {
	var log lines
	s := newSite(t, func(s *site) {
		s.gateway.User, s.gateway.Pass = "ci", "s3cret-31c4"
		s.gateway.Log = slog.New(slog.NewJSONHandler(&log, nil))
	})
	for _, tc := range []struct{ claim, auth, want string }{
		{"by the name that was tried", basic("mallory", "sesame"), "mallory"},
		{"by the right name too", basic("ci", "sesame"), "ci"},
		{"without a name if there is none", "", ""},
		{"and none that is not readable", "Basic !", ""},
		{"but not by a name without a password, which may be a token", basic("ghp-sesame", ""), ""},
		{"nor by the password in place of the name", basic("s3cret-31c4", "ci"), ""},
		{"nor by one that is both", basic("sesame", "sesame"), ""},
		{"with a line break as a mark", basic("a\nlevel=INFO", "sesame"), "a\uFFFDlevel=INFO"},
		{"with what reverses the writing as a mark", basic("a\u202Eb\x1b[2J", "sesame"), "a\uFFFDb\uFFFD[2J"},
		{"with what is no UTF-8 as a mark", basic("a\xff", "sesame"), "a\uFFFD"},
		{"in short if the name is long", basic(strings.Repeat("x", 5000), "sesame"), strings.Repeat("x", 64) + "..."},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			header := []string{"Authorization", tc.auth}
			if tc.auth == "" {
				header = nil
			}
			s.get(t, hotMod, header...).is(t, 401)
			s.settle(t)
			text := log.take()
			var line struct {
				Status             int
				Path, Remote, User string
			}
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatalf("got %q, want one line: %v", text, err)
			}
			if line.Status != 401 || line.Path != hotMod || line.User != tc.want || !strings.HasPrefix(line.Remote, "127.0.0.1:") {
				t.Errorf("got %s, want the user %q, the status, the path and the address", text, tc.want)
			}
			if strings.Contains(text, "sesame") || strings.Contains(text, "s3cret") || (tc.want == "") != !strings.Contains(text, `"user"`) {
				t.Errorf("got %s", text)
			}
		})
	}
	for _, tc := range []struct{ claim, forwarded, want string }{
		{"with where the proxy says that it comes from", "192.0.2.7", "192.0.2.7"},
		{"with the end of that if it is long", strings.Repeat("sesame, ", 500) + "192.0.2.7", ", 192.0.2.7"},
		{"in one line too", "a\u2028b\tc", "a\uFFFDb\uFFFDc"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			s.get(t, hotMod, "X-Forwarded-For", tc.forwarded).is(t, 401)
			s.settle(t)
			text := log.take()
			var line struct {
				From string `json:"forwarded_for"`
			}
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatalf("got %q, want one line: %v", text, err)
			}
			if !strings.HasSuffix(line.From, tc.want) || len(line.From) > 128+len("...") {
				t.Errorf("got %s, want %q", text, tc.want)
			}
		})
	}
	t.Run("and nobody else is by name", func(t *testing.T) {
		s.get(t, hotMod, "Authorization", basic("ci", "s3cret-31c4")).is(t, 200)
		s.get(t, "/nowhere", "Authorization", basic("ci", "s3cret-31c4")).is(t, 404)
		s.get(t, "/healthz", "Authorization", basic("mallory", "x")).is(t, 200)
		s.settle(t)
		if text := log.take(); strings.Contains(text, `"user"`) || strings.Contains(text, "mallory") {
			t.Errorf("got %s", text)
		}
	})
}
