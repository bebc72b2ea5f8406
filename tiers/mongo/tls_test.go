package mongo_test

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers/mongo"
)

// behindTLS puts TLS before the test's server, with a certificate that no system
// trusts, and returns the address and the file of its authority.
func behindTLS(t *testing.T) (addr, cert string) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil) // for its certificate, of 127.0.0.1
	s.StartTLS()
	t.Cleanup(s.Close)
	config := &tls.Config{Certificates: s.TLS.Certificates}
	cert = filepath.Join(t.TempDir(), "ca.pem")
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(cert, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return listen(t, func(c net.Conn) {
		back, err := dial(t)
		if err != nil {
			t.Error(err)
			return
		}
		defer back.Close()
		front := tls.Server(c, config)
		go func() {
			io.Copy(back, front)
			back.Close()
		}()
		io.Copy(front, back)
	}), cert
}

func TestAPrivateAuthorityIsTrusted(t *testing.T) {
	t.Parallel()
	addr, cert := behindTLS(t)
	for _, c := range []struct {
		claim string
		mongo.Config
		want []string // of the error; nil is none
	}{
		{"if CertPath names it", mongo.Config{URL: via(t, addr), CertPath: cert}, nil},
		{"or Insecure is set", mongo.Config{URL: via(t, addr, "tls=true"), Insecure: true}, nil},
		{"or both are", mongo.Config{URL: via(t, addr), CertPath: cert, Insecure: true}, nil},
		{"and not else", mongo.Config{URL: via(t, addr, "tls=true")}, []string{"Storage.Mongo.CertPath", "not trusted"}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			c.Timeout = 2 * time.Second
			if c.want == nil {
				c.Timeout = time.Minute
				c.Database = newDatabase(t).Name()
			}
			err := open(t, c.Config).Check(t.Context())
			if c.want != nil {
				wantAdvice(t, err, c.want...)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("and Insecure alone leaves a server without TLS as it is", func(t *testing.T) {
		if err := open(t, mongo.Config{URL: uri(t), Database: newDatabase(t).Name(), Insecure: true}).Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
