package upstream_test

import (
	"context"
	"encoding/base64"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modtier/modtier/tiers/upstream"
)

func basic(userinfo string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(userinfo))
}

// towards makes the client of l find the server of any name at s.
func towards(l *upstream.List, s *server) {
	l.Client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	const netrc = `
machine other.example.com login x password y
machine example.com
	login first
	password secret
machine example.com login second password secret
macdef init
machine www.example.com login macro password secret

machine www.example.com/team login team password secret
machine api.example.com login half
machine half.example.com password secret
login stray password secret
machine https://slash.example.com/ login slash password secret
default login nobody password secret
machine www.example.com login late password secret
default
login nobody password secret
machine mail.example.com login beyond password secret
`
	for _, tc := range []struct{ goproxy, want string }{
		{"https://user:secret@example.com", "user:secret"},
		{"https://us%40er:se%2Fcret@example.com", "us@er:se/cret"},
		{"https://token@example.com", "token:"},
		{"user:secret@example.com", "user:secret"},
		{"http://user:secret@example.com", "user:secret"},
		{"https://example.com", "first:secret"},
		{"https://example.com/any/path", "first:secret"},
		{"https://www.example.com/team/go", "team:secret"},
		{"https://www.example.com/teams", "late:secret"},
		{"http://example.com", ""},
		{"https://example.com:8443", ""},
		{"https://api.example.com", ""},
		{"https://half.example.com", "stray:secret"},
		{"https://slash.example.com/x", "slash:secret"},
		{"https://mail.example.com", ""},
		{"https://unknown.example.com", ""},
	} {
		t.Run(tc.goproxy, func(t *testing.T) {
			t.Parallel()
			start := serveTLS
			if strings.HasPrefix(tc.goproxy, "http:") {
				start = serve
			}
			s := start(t, answers(200, "x"))
			l := list(t, tc.goproxy)
			towards(l, s)
			l.Netrc = filepath.Join(t.TempDir(), "netrc")
			if err := os.WriteFile(l.Netrc, []byte(netrc), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := read(t, l, zipRef); err != nil {
				t.Fatal(err)
			}
			want := ""
			if tc.want != "" {
				want = basic(tc.want)
			}
			if got := s.header(0).Get("Authorization"); got != want {
				t.Errorf("got %q, want %q for %s", got, want, tc.want)
			}
		})
	}
	t.Run("a netrc file that cannot be read is an error", func(t *testing.T) {
		t.Parallel()
		s := serveTLS(t, answers(200, "x"))
		l := list(t, s.URL)
		l.Netrc = t.TempDir() // a directory
		_, err := read(t, l, zipRef)
		if upstreamError(t, err); !strings.Contains(err.Error(), "netrc") || s.asked() > 0 {
			t.Errorf("got %v after %d requests", err, s.asked())
		}
	})
}

func TestNetrcOfTheEnvironment(t *testing.T) {
	s := serveTLS(t, answers(200, "x"))
	home := t.TempDir()
	write := func(path, login string) {
		text := "machine " + s.Listener.Addr().String() + " login " + login + " password secret\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	named := filepath.Join(home, "named")
	write(filepath.Join(home, ".netrc"), "home")
	write(named, "named")
	for i, tc := range []struct{ home, netrc, want string }{
		{home, "", basic("home:secret")},
		{home, named, basic("named:secret")},
		{"", "", ""},
	} {
		t.Setenv("HOME", tc.home)
		t.Setenv("NETRC", tc.netrc)
		l := list(t, s.URL)
		l.Netrc = ""
		if _, err := read(t, l, zipRef); err != nil {
			t.Fatal(err)
		}
		if got := s.header(i).Get("Authorization"); got != tc.want {
			t.Errorf("HOME=%q NETRC=%q: got %q, want %q", tc.home, tc.netrc, got, tc.want)
		}
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	const from = "https://user:secret@example.com"
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, to, http.StatusFound)
		}
	}
	for _, tc := range []struct {
		claim, to string
		sent      bool
	}{
		{"within a host keep the credentials", "https://example.com/elsewhere", true},
		{"to a subdomain lose them", "https://sub.example.com/elsewhere", false},
		{"to another host lose them", "https://127.0.0.1/elsewhere", false},
		{"to another port lose them", "https://example.com:8443/elsewhere", false},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			t.Parallel()
			s := serveTLS(t, redirect(tc.to), answers(200, "x"))
			l := list(t, from+"?key=secret")
			towards(l, s)
			if _, err := read(t, l, zipRef); err != nil {
				t.Fatal(err)
			}
			h := s.header(1)
			if got := h.Get("Authorization") == basic("user:secret"); got != tc.sent || !tc.sent && h.Get("Authorization") != "" {
				t.Errorf("got Authorization %q, want one: %t", h.Get("Authorization"), tc.sent)
			}
			if got := h.Get("Referer"); got != "" {
				t.Errorf("got Referer %q", got)
			}
		})
	}
	t.Run("from https to http are refused", func(t *testing.T) {
		t.Parallel()
		for _, own := range []bool{true, false} {
			plain := serve(t, answers(200, "x"))
			s := serveTLS(t, redirect(strings.Replace(plain.URL, "http://", "http://user:secret@", 1)))
			l := list(t, s.URL)
			if own {
				l.Client.CheckRedirect = nil
			}
			_, err := read(t, l, zipRef)
			if upstreamError(t, err); !strings.Contains(err.Error(), "redirected from https to http") || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v", err)
			}
			if plain.asked() > 0 || s.asked() != 1 {
				t.Errorf("asked %d and then %d times, want once and never", s.asked(), plain.asked())
			}
		}
	})
	t.Run("end after ten", func(t *testing.T) {
		t.Parallel()
		s := serve(t, redirect("/round"))
		_, err := read(t, list(t, s.URL), zipRef)
		if upstreamError(t, err); !strings.Contains(err.Error(), "10 redirects") || s.asked() != 10 {
			t.Errorf("got %v after %d requests", err, s.asked())
		}
	})
	t.Run("that are followed count once", func(t *testing.T) {
		t.Parallel()
		s := serve(t, redirect("/round"), answers(200, "x"))
		if _, err := read(t, list(t, s.URL), zipRef); err != nil {
			t.Error(err)
		}
	})
}

func TestErrorsTellNoCredentials(t *testing.T) {
	t.Parallel()
	dead := serve(t, answers(200, ""))
	dead.Close()
	location := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		}
	}
	file := random(size)
	for claim, steps := range map[string][]http.HandlerFunc{
		"nobody listens":    {resets},
		"refused":           {answers(401, "you are https://user:secret@host/ and 'https://secret@host'")},
		"absent":            {answers(404, "not at https://secret@host")},
		"bad redirect":      {location("https://user:secret@host:port/")},
		"unknown scheme":    {location("gopher://secret@host/?secret")},
		"signed redirect":   {location(dead.URL + "/?signature=secret")},
		"broken body":       {breaks(file, cut), answers(403, "")},
		"changed file":      {breaks(file, cut), sends(file[1:])},
		"unusable response": {answers(200, "", "Content-Length", "5000000000")},
	} {
		for _, user := range []string{"user:secret@", "secret@"} {
			t.Run(claim+" to "+user, func(t *testing.T) {
				t.Parallel()
				s := serve(t, steps...)
				l := list(t, strings.Replace(s.URL, "http://", "http://"+user, 1)+"?key=secret")
				_, err := read(t, l, zipRef)
				if err == nil || strings.Contains(err.Error(), "secret") {
					t.Errorf("got %v", err)
				}
				if strings.Contains(l.String(), "secret") {
					t.Errorf("got list %s", l)
				}
				if s.asked() == 0 || s.header(0).Get("Authorization") == "" {
					t.Error("the credentials were not sent")
				}
			})
		}
	}
}
