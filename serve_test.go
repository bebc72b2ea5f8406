package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/modtier/modtier/config"
)

// bySocket returns a client whose connections all lead to a unix socket.
func bySocket(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
}

func fetch(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestServeOnAUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	environ := defaults(t, []string{"MODTIER_UPSTREAM=off", "ATHENS_UNIX_SOCKET=" + socket})
	t.Chdir(t.TempDir())
	// A process that was killed leaves its socket.
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, config.Options{Environ: environ}) }()
	for {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		default:
			runtime.Gosched()
		}
	}
	if status, body := fetch(t, bySocket(socket), "http://modtier/"); status != 200 || body != "This is modtier, a proxy for Go modules.\n" {
		t.Errorf("got status %d, %q", status, body)
	}
	t.Run("which no second process takes", func(t *testing.T) {
		err := serve(t.Context(), config.Options{Environ: environ})
		if err == nil || !strings.Contains(err.Error(), "another process listens") {
			t.Errorf("got error %v", err)
		}
	})
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
	t.Run("and which is no file", func(t *testing.T) {
		if err := os.WriteFile(socket, []byte("precious"), 0o666); err != nil {
			t.Fatal(err)
		}
		err := serve(t.Context(), config.Options{Environ: environ})
		if err == nil || !strings.Contains(err.Error(), "no socket") {
			t.Errorf("got error %v", err)
		}
		if b, err := os.ReadFile(socket); err != nil || string(b) != "precious" {
			t.Errorf("it is now %q, error %v", b, err)
		}
	})
}

// certificate writes a certificate for localhost and its key.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		name = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	pool = x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", private), pool
}

func TestServeWithTLS(t *testing.T) {
	certFile, keyFile, pool := certificate(t)
	g := run(t, load(t, "MODTIER_UPSTREAM=off", "ATHENS_TLSCERT_FILE="+certFile, "ATHENS_TLSKEY_FILE="+keyFile))
	for _, http2 := range []bool{false, true} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: http2}}
		resp, err := client.Get(g.base.String() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 || (resp.ProtoMajor == 2) != http2 {
			t.Errorf("got status %d over %s, want HTTP/2 %t", resp.StatusCode, resp.Proto, http2)
		}
		client.CloseIdleConnections()
	}
	if got, want := g.use(g.base), "go env -w GOPROXY=https://localhost:"+g.base.Port(); got != want {
		t.Errorf("to use it: got %q, want %q", got, want)
	}
}

func TestTheLineToUseIt(t *testing.T) {
	base := &url.URL{Scheme: "http", Host: "localhost:3000"}
	for _, test := range []struct {
		environ []string
		want    string
	}{
		{[]string{"MODTIER_UPSTREAM=https://proxy.example.com"}, "http://localhost:3000"},
		{[]string{"MODTIER_UPSTREAM=https://proxy.example.com,direct"}, "http://localhost:3000,direct"},
		{[]string{"MODTIER_UPSTREAM=https://proxy.example.com|direct"}, "http://localhost:3000,direct"},
		{[]string{"MODTIER_UPSTREAM=off"}, "http://localhost:3000"},
		{[]string{"MODTIER_UPSTREAM=off", "ATHENS_PATH_PREFIX=/go"}, "http://localhost:3000/go"},
		{[]string{"MODTIER_UPSTREAM=off", "BASIC_AUTH_USER=ci", "BASIC_AUTH_PASS=s3cret"}, "https://USER:PASSWORD@HOST-THAT-ENDS-TLS"},
		{[]string{"MODTIER_UPSTREAM=https://proxy.example.com,direct", "BASIC_AUTH_USER=ci", "BASIC_AUTH_PASS=s3cret", "ATHENS_PATH_PREFIX=/go"},
			"https://USER:PASSWORD@HOST-THAT-ENDS-TLS/go,direct"},
	} {
		s, err := open(t, load(t, test.environ...))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.use(base); got != "go env -w GOPROXY="+test.want {
			t.Errorf("%q: got %q, want %q", test.environ, got, test.want)
		}
	}
	s, err := open(t, load(t, "MODTIER_UPSTREAM=off", "BASIC_AUTH_USER=ci", "BASIC_AUTH_PASS=s3cret"))
	if err != nil {
		t.Fatal(err)
	}
	base.Scheme = "https"
	if got, want := s.use(base), "go env -w GOPROXY=https://USER:PASSWORD@localhost:3000"; got != want {
		t.Errorf("with TLS: got %q, want %q", got, want)
	}
}

func TestAClientThatIsSlowWithItsHeaderIsCutOff(t *testing.T) {
	g := run(t, load(t, "MODTIER_UPSTREAM=off"))
	if d := g.server.ReadHeaderTimeout; d <= 0 || d > 30*time.Second {
		t.Errorf("it waits %v for a header", d)
	}
	hasty := newServer(g.gateway.Handler(), slog.New(slog.DiscardHandler))
	hasty.ReadHeaderTimeout = 20 * time.Millisecond
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go hasty.Serve(ln)
	defer hasty.Close()
	for _, begun := range []string{"", "GET", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: modtier\r\nX-Slow: a"} {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, begun)
		if b, err := io.ReadAll(conn); err != nil || len(b) > 0 && !bytes.HasPrefix(b, []byte("HTTP/1.1 400 ")) {
			t.Errorf("after %q: got %q, error %v, want the end", begun, b, err)
		}
	}
}

func TestAHugeHeaderIsRefused(t *testing.T) {
	g := run(t, load(t, "MODTIER_UPSTREAM=off"))
	for name, header := range map[string]string{
		"one field":   "X-Huge: " + strings.Repeat("a", 64<<10) + "\r\n",
		"many fields": strings.Repeat("X-Huge: a\r\n", 8<<10),
	} {
		conn, err := net.Dial("tcp", g.base.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: modtier\r\n%s\r\n", header)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if resp.StatusCode != 431 || !strings.Contains(string(b), "431 Request Header Fields Too Large") {
			t.Errorf("%s: got status %d, %q, error %v, want 431", name, resp.StatusCode, b, err)
		}
	}
	fetch(t, http.DefaultClient, g.base.String()+"/healthz")
	if files, err := os.ReadDir(g.config.Tiers.Disk.Path); err != nil || len(files) != 1 {
		t.Errorf("on disk is %v, error %v, want .modtier alone", files, err)
	}
}
