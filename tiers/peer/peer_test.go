package peer_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "0123456789abcdef"

var (
	zip     = tiers.Ref{Path: "github.com/Azure/thing", Version: "v1.2.3+incompatible", Kind: tiers.Zip}
	content = bytes.Repeat([]byte("zip"), 100_000)
)

// instance serves what answer writes to requests that its gate lets in.
func instance(t *testing.T, answer http.HandlerFunc) (url string, gate *peer.Gate) {
	gate = &peer.Gate{Secret: secret}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := gate.Check(w.Header(), r, r.URL.Path); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	gate.URL = s.URL + "/"
	return s.URL, gate
}

func client(t *testing.T, secret string) *peer.Client {
	c := &peer.Client{URL: "http://this.example:3000", Secret: secret}
	t.Cleanup(func() { c.Close() })
	return c
}

func serves(w http.ResponseWriter, r *http.Request) { w.Write(content) }

func TestAFileIsReadFromTheHolderOfTheLock(t *testing.T) {
	var path string
	url, _ := instance(t, func(w http.ResponseWriter, r *http.Request) { path = r.URL.Path; serves(w, r) })
	o, err := client(t, secret).Open(t.Context(), url, zip)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	got, err := io.ReadAll(o.Body)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(content))
	}
	if o.Tier != "peer" || path != "/.modtier/peer/github.com/!azure/thing/@v/v1.2.3+incompatible.zip" {
		t.Errorf("got tier %q, asked for %q", o.Tier, path)
	}
}

func TestWhatTheHolderLacksIsAbsentThere(t *testing.T) {
	url, _ := instance(t, http.NotFound)
	if _, err := client(t, secret).Open(t.Context(), url, zip); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an absence", err)
	}
}

func TestAnInstanceDoesNotAskItself(t *testing.T) {
	c := client(t, secret)
	if _, err := c.Open(t.Context(), c.URL+"/", zip); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an absence", err)
	}
}

func TestAnAnswerOfSomebodyElseIsNotTaken(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(serves))
	defer elsewhere.Close()
	for claim, answer := range map[string]http.HandlerFunc{
		"without a proof": serves,
		"with a proof of another": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Modtier-Peer-Proof", strings.Repeat("ab", 32))
			serves(w, r)
		},
		"not there, without a proof": http.NotFound,
		"a redirect":                 func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
	} {
		t.Run(claim, func(t *testing.T) {
			s := httptest.NewServer(answer)
			defer s.Close()
			o, err := client(t, secret).Open(t.Context(), s.URL, zip)
			if err == nil {
				o.Body.Close()
			}
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v, want an error that is no absence", err)
			}
		})
	}
}

func TestAHolderIsAURLAndNothingElse(t *testing.T) {
	for _, holder := range []string{
		"", "instance-1", "ftp://h", "http://", "http://user:hunter2@h", "http://h?token=hunter2", "http://h#x", "http://[::1", "file:///etc/passwd",
		"http://h/" + strings.Repeat("hunter2", 1000) + "?",
	} {
		_, err := client(t, secret).Open(t.Context(), holder, zip)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: got %v, want an error that is no absence", holder, err)
		} else if strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 500 {
			t.Errorf("%q: the error shows too much: %v", holder, err)
		}
	}
}

func TestABodyThatBreaksOffIsAnError(t *testing.T) {
	url, _ := instance(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write(content[:500])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	o, err := client(t, secret).Open(t.Context(), url, zip)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	if b, err := io.ReadAll(o.Body); err == nil {
		t.Errorf("got %d bytes and no error", len(b))
	}
}

// sent returns a request of a peer, and the gate that lets it in.
func sent(t *testing.T) (*http.Request, *peer.Gate) {
	g := &peer.Gate{URL: "http://that.example", Secret: secret}
	return client(t, secret).Request(t.Context(), g.URL, zip), g
}

func TestARequestOfNoPeerIsRefused(t *testing.T) {
	if r, g := sent(t); g.Check(make(http.Header), r, r.URL.Path) != nil {
		t.Fatal("a peer's is refused")
	}
	authorization := func(change func(string) string) func(*http.Request, *peer.Gate) {
		return func(r *http.Request, g *peer.Gate) {
			r.Header.Set("Authorization", change(r.Header.Get("Authorization")))
		}
	}
	for claim, edit := range map[string]func(r *http.Request, g *peer.Gate){
		"unsigned":                func(r *http.Request, g *peer.Gate) { r.Header.Del("Authorization") },
		"signed twice":            func(r *http.Request, g *peer.Gate) { r.Header.Add("Authorization", r.Header.Get("Authorization")) },
		"of another scheme":       authorization(func(s string) string { return strings.Replace(s, "Modtier-Peer", "Basic", 1) }),
		"with a time of no shape": authorization(func(s string) string { f := strings.Fields(s); return f[0] + " now " + f[2] }),
		"signed for another time": authorization(func(s string) string { f := strings.Fields(s); return f[0] + " " + f[1][:len(f[1])-1] + "x " + f[2] }),
		"with a later time": authorization(func(s string) string {
			f := strings.Fields(s)
			return f[0] + " " + f[1][:len(f[1])-3] + "000 " + f[2]
		}),
		"with half a signature": authorization(func(s string) string { return s[:len(s)-32] }),
		"signed with no hex":    authorization(func(s string) string { return s[:len(s)-1] + "x" }),
		"with another secret":   func(r *http.Request, g *peer.Gate) { g.Secret = "fedcba9876543210" },
		"for another path":      func(r *http.Request, g *peer.Gate) { r.URL.Path += ".zip" },
		"for another method":    func(r *http.Request, g *peer.Gate) { r.Method = http.MethodPost },
		"for another instance":  func(r *http.Request, g *peer.Gate) { g.URL = "http://another.example" },
	} {
		t.Run(claim, func(t *testing.T) {
			r, g := sent(t)
			edit(r, g)
			h := make(http.Header)
			if err := g.Check(h, r, r.URL.Path); err == nil || len(h) > 0 {
				t.Errorf("it is let in: %v, header %v", err, h)
			} else if strings.Contains(err.Error(), secret) {
				t.Errorf("the error has the secret: %v", err)
			}
		})
	}
}

func TestARequestIsAnsweredOnce(t *testing.T) {
	r, g := sent(t)
	h := make(http.Header)
	if err := g.Check(h, r, r.URL.Path); err != nil || h.Get("Modtier-Peer-Proof") == "" {
		t.Fatalf("got %v and header %v, want a proof", err, h)
	}
	h = make(http.Header)
	if err := g.Check(h, r, r.URL.Path); err == nil || len(h) > 0 {
		t.Errorf("a replayed request is let in: %v, header %v", err, h)
	}
}

func TestARequestExpires(t *testing.T) {
	for claim, after := range map[string]time.Duration{"late": 31 * time.Second, "in time": 29 * time.Second} {
		t.Run(claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, g := sent(t)
				time.Sleep(after)
				if err := g.Check(make(http.Header), r, r.URL.Path); (err == nil) != (claim == "in time") {
					t.Errorf("after %v: %v", after, err)
				}
			})
		})
	}
	t.Run("a clock that is ahead", func(t *testing.T) {
		var r *http.Request
		var g *peer.Gate
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(31 * time.Second)
			r, g = sent(t)
		})
		synctest.Test(t, func(t *testing.T) { // where it is the beginning of time again
			if err := g.Check(make(http.Header), r, r.URL.Path); err == nil {
				t.Error("it is let in")
			}
		})
	})
	t.Run("what is forgotten of it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, g := sent(t)
			if err := g.Check(make(http.Header), r, r.URL.Path); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			if err := g.Check(make(http.Header), r, r.URL.Path); err == nil {
				t.Error("it is let in again")
			}
		})
	})
}
