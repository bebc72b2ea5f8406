package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An authority signs certificates that nobody trusts who is not told to.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.cert, a.key = template, a.newKey()
	der := a.sign(template, a.key)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	a.file = a.write("CERTIFICATE", der)
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

func (a *authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

func (a *authority) write(kind string, der []byte) string {
	name := filepath.Join(a.t.TempDir(), "pem")
	put(a.t, name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	return name
}

// issue writes a certificate for this machine, and its key.
func (a *authority) issue() (certFile, keyFile string) {
	a.t.Helper()
	key := a.newKey()
	der := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, key)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write("CERTIFICATE", der), a.write("PRIVATE KEY", private)
}

// startTLS is start for a gateway that speaks TLS.
func (a *authority) startTLS(o options) *gateway {
	a.t.Helper()
	cert, key := a.issue()
	o.env = append(o.env, "ATHENS_TLSCERT_FILE="+cert, "ATHENS_TLSKEY_FILE="+key)
	g := start(a.t, o)
	g.url = strings.Replace(g.url, "http://", "https://", 1)
	g.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: a.pool}
	return g
}

// newGo is newGo for a go command that trusts a.
func (a *authority) newGo(proxy string) *goCommand {
	a.t.Helper()
	c := newGo(a.t, proxy, "")
	c.env = append(c.env, "SSL_CERT_FILE="+a.file)
	return c
}

func TestTLSWithTheGoCommand(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	up := newUpstream(t, wanted)
	g := a.startTLS(options{upstream: up.URL, env: []string{"ATHENS_PATH_PREFIX=/go", "PROXY_FORCE_SSL=true"}})
	t.Run("who trusts the authority is served", func(t *testing.T) {
		c := a.newGo(g.url + "/go")
		if got := c.download(query(wanted)); got != wanted.version {
			t.Errorf("got %s", got)
		}
		if got := c.run("list", "-m", wanted.path+"@latest"); got != wanted.path+" v1.0.0\n" {
			t.Errorf("@latest is %q", got)
		}
		if sumOf(c.cached(wanted, "zip")) != sumOf(wanted.file("zip")) {
			t.Error("the go command has got another zip")
		}
	})
	t.Run("who does not is not", func(t *testing.T) {
		_, err := newGo(t, g.url+"/go", "").try("mod", "download", query(wanted))
		says(t, err, "certificate signed by unknown authority")
	})
	t.Run("who forgets the s is refused", func(t *testing.T) {
		_, err := newGo(t, strings.Replace(g.url, "https://", "http://", 1)+"/go", "").try("mod", "download", query(wanted))
		says(t, err, "400 Bad Request") // in the words of net/http, that the go command does not print
	})
	t.Run("the go command is told an address that it can use", func(t *testing.T) {
		line, ok := g.log.await("to use it", g.exited)
		if !ok || !strings.HasPrefix(line["run"].(string), "go env -w GOPROXY=https://localhost:") || !strings.HasSuffix(line["run"].(string), "/go") {
			t.Errorf("got %v", line)
		}
	})
	t.Run("over a proxy that ends TLS it is the same", func(t *testing.T) {
		plain := start(t, options{upstream: up.URL, env: []string{"PROXY_FORCE_SSL=true"}})
		to, err := url.Parse(plain.url)
		if err != nil {
			t.Fatal(err)
		}
		cert, key := a.issue()
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		front := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(to)
			p.SetXForwarded()
		}})
		front.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
		front.StartTLS()
		t.Cleanup(front.Close)
		if got := a.newGo(front.URL).download(query(wanted)); got != wanted.version {
			t.Errorf("got %s", got)
		}
	})
}
