package external_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/external"
	"github.com/modtier/modtier/tiers/tierstest"
)

// A wire is a server that writes down what it receives, byte for byte, and gives
// its answers in turn.
type wire struct {
	url      string
	mu       sync.Mutex // guards received
	received []string
}

func newWire(t *testing.T, answers ...string) *wire {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{url: "http://" + ln.Addr().String()}
	done := make(chan struct{})
	t.Cleanup(func() { ln.Close(); <-done })
	go func() {
		defer close(done)
		for _, answer := range answers {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			w.receive(t, conn, answer)
		}
	}()
	return w
}

func (w *wire) receive(t *testing.T, conn net.Conn, answer string) {
	defer conn.Close()
	var b bytes.Buffer
	req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(conn, &b)))
	if err == nil {
		_, err = io.Copy(io.Discard, req.Body)
	}
	if err != nil {
		t.Errorf("a request: %v", err)
	}
	w.mu.Lock()
	w.received = append(w.received, strings.ReplaceAll(b.String(), strings.TrimPrefix(w.url, "http://"), "HOST"))
	w.mu.Unlock()
	io.WriteString(conn, answer)
}

// is checks what was received.
func (w *wire) is(t *testing.T, want ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.received) != len(want) {
		t.Fatalf("got %d requests, want %d: %q", len(w.received), len(want), w.received)
	}
	boundary := regexp.MustCompile(`[0-9a-f]{60}`)
	for i, got := range w.received {
		got = boundary.ReplaceAllString(got, "BOUNDARY")
		if want := strings.ReplaceAll(want[i], "\n", "\r\n"); got != want {
			t.Errorf("request %d:\ngot  %q\nwant %q", i, got, want)
		}
	}
}

const (
	none  = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	abc   = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
)

// Azure is a version whose names show how they are escaped.
var azure = module.Version{Path: "github.com/Azure/m", Version: "v1.0.0-RC1"}

func TestRequestsAreThoseOfAthens(t *testing.T) {
	t.Parallel()
	const head = " HTTP/1.1\nHost: HOST\nUser-Agent: modtier\n"
	plain := module.Version{Path: "example.com/m", Version: "v2.0.0+incompatible"}

	t.Run("a file is one GET", func(t *testing.T) {
		for _, k := range tierstest.Kinds {
			w := newWire(t, abc)
			got, err := tierstest.ReadFile(t.Context(), dial(t, w.url+"/"), tierstest.Ref(plain, k))
			if err != nil || string(got) != "abc" {
				t.Errorf("%s: got %q, error %v", k, got, err)
			}
			w.is(t, "GET /example.com/m/@v/v2.0.0+incompatible."+k.String()+head+"\n")
		}
	})
	t.Run("upper case is escaped, in the version too", func(t *testing.T) {
		w := newWire(t, abc)
		if _, err := tierstest.ReadFile(t.Context(), dial(t, w.url), tierstest.Ref(azure, tiers.Mod)); err != nil {
			t.Error(err)
		}
		w.is(t, "GET /github.com/!azure/m/@v/v1.0.0-!r!c1.mod"+head+"\n")
	})
	t.Run("a list is one GET", func(t *testing.T) {
		w := newWire(t, strings.Replace(abc, "3\r\nConnection: close\r\n\r\nabc", "13\r\nConnection: close\r\n\r\nv1.0.0\nv1.1.0", 1))
		tierstest.Lists(t, dial(t, w.url), "example.com/m", "v1.0.0", "v1.1.0")
		w.is(t, "GET /example.com/m/@v/list"+head+"\n")
	})
	t.Run("a delete is one DELETE", func(t *testing.T) {
		w := newWire(t, empty)
		if err := dial(t, w.url).Delete(t.Context(), azure); err != nil {
			t.Error(err)
		}
		w.is(t, "DELETE /github.com/!azure/m/@v/v1.0.0-!r!c1.delete"+head+"\n")
	})
	t.Run("a save asks for the info, then posts info, mod and zip", func(t *testing.T) {
		w := newWire(t, none, empty)
		f := tiers.Files{Info: []byte("INFO"), Mod: []byte("MOD"), Zip: tierstest.Section([]byte("ZIP"))}
		if err := dial(t, w.url).Save(t.Context(), azure, f); err != nil {
			t.Error(err)
		}
		part := func(name, content string) string {
			return "--BOUNDARY\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"" + name + "\"\n" +
				"Content-Type: application/octet-stream\n\n" + content + "\n"
		}
		w.is(t, "GET /github.com/!azure/m/@v/v1.0.0-!r!c1.info"+head+"\n",
			"POST /github.com/!azure/m/@v/v1.0.0-!r!c1.save"+head+"Content-Length: 606\n"+
				"Content-Type: multipart/form-data; boundary=BOUNDARY\n\n"+
				part("mod.info", "INFO")+part("mod.mod", "MOD")+part("mod.zip", "ZIP")+"--BOUNDARY--\n")
	})
	t.Run("a save of what is there posts nothing", func(t *testing.T) {
		const there = "HTTP/1.1 200 OK\r\nContent-Length: 24\r\nConnection: close\r\n\r\n{\"Version\":\"v1.0.0-RC1\"}"
		w := newWire(t, there, there)
		f := tierstest.Version(azure, "a")
		for _, f := range []tiers.Files{f, {Mod: f.Mod}} {
			if err := dial(t, w.url).Save(t.Context(), azure, f); err != nil {
				t.Error(err)
			}
		}
		get := "GET /github.com/!azure/m/@v/v1.0.0-!r!c1.info" + head + "\n"
		w.is(t, get, get)
	})
	t.Run("a go.mod alone is no whole version, and posts nothing", func(t *testing.T) {
		w := newWire(t, none)
		err := dial(t, w.url).Save(t.Context(), azure, tiers.Files{Mod: []byte("MOD")})
		if !errors.Is(err, tiers.ErrWhole) {
			t.Errorf("got error %v, want tiers.ErrWhole", err)
		}
		w.is(t, "GET /github.com/!azure/m/@v/v1.0.0-!r!c1.info"+head+"\n")
	})
	t.Run("a password in the URL is basic authentication", func(t *testing.T) {
		w := newWire(t, empty)
		tierstest.Lists(t, dial(t, strings.Replace(w.url, "http://", "http://a:b%2Fc@", 1)+"/x"), "example.com/m")
		w.is(t, "GET /x/example.com/m/@v/list"+head+"Authorization: Basic YTpiL2M=\n\n")
	})
	t.Run("a page of the catalog is one GET", func(t *testing.T) {
		w := newWire(t, none)
		if _, _, err := dial(t, w.url).Catalog(t.Context(), "a&b c", 7); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("got error %v, want errors.ErrUnsupported", err)
		}
		w.is(t, "GET /catalog?token=a%26b+c&pagesize=7"+head+"\n")
	})
	t.Run("a client without HTTP has its own, which asks for no compression", func(t *testing.T) {
		w := newWire(t, empty)
		tierstest.Lists(t, &external.Client{URL: w.url}, "example.com/m")
		w.is(t, "GET /example.com/m/@v/list"+head+"\n")
	})
}
