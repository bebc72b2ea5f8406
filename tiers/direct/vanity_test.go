package direct_test

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/direct"
)

// tunnel is a proxy through which each host is f.
func (f *forge) tunnel() *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "a tunnel", http.StatusMethodNotAllowed)
			return
		}
		up, err := net.Dial("tcp", f.Listener.Addr().String())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer up.Close()
		w.WriteHeader(http.StatusOK)
		down, rest, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer down.Close()
		go func() {
			defer up.Close()
			io.Copy(up, rest)
		}()
		io.Copy(down, up)
	}))
	f.t.Cleanup(s.Close)
	return s
}

// secure lets a fetcher believe in f's certificate, which is for example.com.
func (f *forge) secure() func(*direct.Fetcher) {
	f.t.Helper()
	ca := filepath.Join(f.t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}), 0o600); err != nil {
		f.t.Fatal(err)
	}
	proxy := f.tunnel().URL
	return func(d *direct.Fetcher) {
		d.Env = []string{"SSL_CERT_FILE=" + ca, "GIT_SSL_CAINFO=" + ca, "HTTPS_PROXY=" + proxy, "https_proxy=" + proxy, "NO_PROXY=", "no_proxy="}
	}
}

func TestVanity(t *testing.T) {
	f := newForge(t, true)
	d := f.fetcher(f.secure())
	f.repo("one").commit("v1.0.0", "go.mod", "module example.com/x\n", "a.go", "package a\n")
	f.meta["/x"] = "example.com/x git https://example.com/one"
	f.meta["/gone"] = "gone"
	f.meta["/odd"] = ""

	t.Run("a path that says over TLS where it is, is fetched from there", func(t *testing.T) {
		wantFiles(t, d, "example.com/x", "v1.0.0", "a.go", "go.mod")
		if got := must[[]string](t)(d.Versions(within(t), "example.com/x")); len(got) != 1 {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a path of which the server knows nothing is not there", func(t *testing.T) {
		_, err := read(within(t), d, "example.com/y", "v1.0.0", tiers.Mod)
		if s := wantAbsent(t, err); !strings.Contains(s, "404 Not Found") {
			t.Errorf("said %q", s)
		}
		_, err = d.Versions(within(t), "example.com/gone")
		wantAbsent(t, err)
		if e, ok := err.(*tiers.AbsentError); ok && !e.Gone {
			t.Errorf("it is not gone: %v", err)
		}
	})
	t.Run("a certificate of somebody else is an outage", func(t *testing.T) {
		_, err := read(within(t), d, "elsewhere.invalid/y", "v1.0.0", tiers.Mod)
		wantLost(t, err)
	})
}
