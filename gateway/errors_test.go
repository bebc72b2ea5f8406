package gateway_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
)

// everyQuestion are paths of all kinds that need the upstream.
var everyQuestion = []string{
	"/example.com/hot/@v/v1.0.0.info", hotMod, hotZip,
	"/example.com/hot/@v/list", "/example.com/hot/@latest", "/example.com/hot/@v/main.info",
	"/sumdb/sum.example.com/latest", "/sumdb/sum.example.com/lookup/example.com/hot@v1.0.0",
	"/sumdb/sum.example.com/tile/8/0/000.p/1", "/sumdb/sum.example.com/tile/8/data/000.p/1",
}

// everywhere makes the origin answer all questions with page, except whether it
// knows the database.
func (o *origin) everywhere(page http.HandlerFunc) {
	for _, path := range everyQuestion {
		o.set(path, page)
	}
	o.set("/sumdb/sum.example.com/supported", speak(200, ""))
}

func TestAnUpstreamThatCannotBeAskedIsNoAbsence(t *testing.T) {
	busy := func(status int) func(*testing.T, *site) {
		return func(t *testing.T, s *site) {
			s.origin.everywhere(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "3600") // it is not asked again
				speak(status, "out of order")(w, r)
			})
		}
	}
	dialing := func(dial func(context.Context, string, string) (net.Conn, error)) func(*testing.T, *site) {
		return func(t *testing.T, s *site) {
			s.list.Client = &http.Client{Transport: &http.Transport{DialContext: dial}}
		}
	}
	dial := func(err error) func(*testing.T, *site) {
		return dialing(func(context.Context, string, string) (net.Conn, error) { return nil, err })
	}
	for _, test := range []struct {
		name   string
		breaks func(*testing.T, *site)
		status int
		text   string
		proxy  string // Proxy-Status after the next hop
	}{
		{"it answers 500", busy(500), 502, "answered 500: out of order", "received-status=500"},
		{"it answers 503", busy(503), 502, "answered 503: out of order", "received-status=503"},
		{"it answers 429", busy(429), 502, "answered 429: out of order", "received-status=429"},
		{"it answers 401", busy(401), 502, "answered 401: out of order", "received-status=401"},
		{"it answers 508", busy(508), 502, "is its own upstream", "received-status=508"},
		// Not by closing the origin, whose port may be another server's the next moment.
		{"it refuses the connection", dialing(func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:1")
		}), 502, "connection refused", "error=connection_refused"},
		{"it resets the connection", func(t *testing.T, s *site) {
			s.origin.everywhere(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
		}, 502, "EOF", "error=connection_terminated"},
		{"it says nothing", func(t *testing.T, s *site) {
			s.list.Timeout = time.Millisecond
			s.origin.everywhere(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			s.origin.set("/sumdb/sum.example.com/supported", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		}, 504, "no answer for 1ms", "error=http_response_timeout"},
		{"it has no address", dial(&net.DNSError{Err: "no such host", Name: "proxy.example.com", IsNotFound: true}),
			502, "no such host", "error=dns_error"},
		{"its address does not come", dial(&net.DNSError{Err: "i/o timeout", Name: "proxy.example.com", IsTimeout: true}),
			504, "i/o timeout", "error=dns_timeout"},
		{"the connection does not come", dial(&net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}),
			504, "i/o timeout", "error=connection_timeout"},
		{"there is no way to it", dial(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("network is unreachable")}),
			502, "network is unreachable", "error=destination_ip_unroutable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(s *site) { test.breaks(t, s) })
			want := `modtier; next-hop="` + strings.TrimPrefix(s.origin.URL, "http://") + `"; ` + test.proxy
			var wg sync.WaitGroup
			for _, path := range everyQuestion {
				wg.Go(func() {
					got := s.get(t, path).is(t, test.status).tells(t, test.text).has(t, "Cache-Control", "no-store")
					got.has(t, "Proxy-Status", want).has(t, "ETag", "")
				})
			}
			wg.Wait()
			s.ask(t, "HEAD", hotMod).is(t, test.status).says(t, "")
		})
	}
}

func TestWhatTheUpstreamRefusesIsRefusedWithItsText(t *testing.T) {
	for _, test := range []struct {
		status, want int
		text         string
	}{
		{404, 404, "not found: v1.0.0: no such tag\n"},
		{410, 410, "gone: withdrawn by its author\n"},
		{403, 403, "the upstream forbids it"},
		{451, 451, "a court forbids it"},
	} {
		s := newSite(t)
		s.origin.everywhere(speak(test.status, test.text))
		for _, path := range everyQuestion {
			got := s.get(t, path).is(t, test.want).tells(t, test.text)
			if test.status != 404 && test.status != 410 {
				got.has(t, "Cache-Control", "no-store")
				continue
			}
			if control := got.header.Get("Cache-Control"); !strings.HasPrefix(control, "public, max-age=") || got.header.Get("Proxy-Status") != "" {
				t.Errorf("%s: Cache-Control %q, Proxy-Status %q: want a moment to keep it, and no trouble", path, control, got.header["Proxy-Status"])
			}
		}
		if got := s.get(t, hotMod).body; test.status == 404 && got != test.text {
			t.Errorf("got %q, want %q as it is", got, test.text)
		}
	}
}

func TestDirectIsNotSupported(t *testing.T) {
	s := newSite(t, func(s *site) { upstreamIs(t, s, "direct") })
	s.get(t, hotMod).is(t, 501).tells(t, "version control")
	s.get(t, "/example.com/hot/@v/list").is(t, 501).tells(t, "version control")
}

// A disk that cannot be read may have what the upstream lacks.
func TestASickDiskMakesNoAbsence(t *testing.T) {
	s := newSite(t)
	name := filepath.Join(s.dir, "example.com/hot/v1.0.0/go.mod")
	if err := os.MkdirAll(name, 0o777); err != nil { // a directory in the place of the file
		t.Fatal(err)
	}
	t.Run("with an upstream that has it", func(t *testing.T) {
		s.get(t, hotMod).is(t, 200).says(t, string(hotFiles.Mod))
	})
	t.Run("with an upstream that lacks it", func(t *testing.T) {
		s.settle(t)
		s.origin.set(hotMod, speak(404, "no such tag"))
		s.get(t, hotMod).is(t, 500).tells(t, "no regular file")
	})
	t.Run("with what is held alone", func(t *testing.T) {
		s.get(t, hotMod, "Disable-Module-Fetch", "true").is(t, 500).tells(t, "no regular file")
	})
}

func TestAFileThatIsNotWhatItsNameSaysIsBadGateway(t *testing.T) {
	s := newSite(t)
	s.origin.set(filePath(hot, tiers.Info), speak(200, "<html>please log in</html>"))
	s.get(t, filePath(hot, tiers.Info)).is(t, 502).tells(t, "corrupt")
	s.origin.set("/example.com/hot/@latest", speak(200, "<html>please log in</html>"))
	s.get(t, "/example.com/hot/@latest").is(t, 502).tells(t, "@latest")
	s.origin.set(hotMod, speak(200, ""))
	s.get(t, hotMod).is(t, 502).tells(t, "corrupt")
}

func TestARequestThatComesBackIsRefused(t *testing.T) {
	s := newSite(t)
	for _, path := range append(everyQuestion, "/") {
		s.get(t, path, "Via", "1.1 edge, 1.1 modtier-test").is(t, 508).tells(t, "its own upstream")
	}
	if got := s.origin.requests(); len(got) > 0 {
		t.Errorf("the origin was asked for %q", got)
	}
	s.list.Via = "modtier-test"
	var via string
	s.origin.set(hotMod, func(w http.ResponseWriter, r *http.Request) {
		via = r.Header.Get("Via")
		speak(200, string(hotFiles.Mod))(w, r)
	})
	s.get(t, hotMod, "Via", "1.1 edge").is(t, 200)
	if want := "1.1 edge, 1.1 modtier-test"; via != want {
		t.Errorf("the origin was asked with Via %q, want %q", via, want)
	}
	t.Run("by a gateway that is its own upstream", func(t *testing.T) {
		loop := newSite(t, func(s *site) { s.list.Via = "modtier-test" })
		loop.origin.everywhere(func(w http.ResponseWriter, r *http.Request) { loop.Config.Handler.ServeHTTP(w, r) })
		loop.get(t, hotMod).is(t, 502).tells(t, "its own upstream")
	})
}

// Half a connection that the client has closed can still carry a response: one
// of no bytes must not pass for a file.
func TestAClientThatLeavesGetsNoEmptyFile(t *testing.T) {
	for _, path := range []string{hotMod, "/example.com/hot/@v/list"} {
		s := newSite(t)
		page, goOn := speakInParts(t, string(hotFiles.Mod))
		s.origin.set(path, page)
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: modtier\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		await(t, func() bool { return s.origin.count(path) == 1 })
		conn.(*net.TCPConn).CloseWrite()
		got := make([]byte, 1000)
		if n, err := conn.Read(got); n > 0 || err == nil {
			t.Errorf("%s: got %q, error %v, want the connection closed", path, got[:n], err)
		}
		goOn()
		s.settle(t)
		s.get(t, path).is(t, 200)
	}
}
