package etcd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modtier/modtier/locks/etcd"
	"github.com/modtier/modtier/locks/lockstest"
)

func TestAWrongConfigurationNamesWhatToMend(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	const key = "SingleFlight.Etcd.Endpoints (ATHENS_ETCD_ENDPOINTS)"
	const secret = "hunter2"
	for name, test := range map[string]struct {
		config etcd.Config
		want   string
	}{
		"no endpoint":              {etcd.Config{}, key},
		"no endpoint in a list":    {etcd.Config{Endpoints: " , "}, key},
		"another scheme":           {etcd.Config{Endpoints: "redis://h:1"}, key},
		"credentials":              {etcd.Config{Endpoints: "http://u:" + secret + "@h:1"}, key},
		"a mixture":                {etcd.Config{Endpoints: "https://h:1,http://h:2"}, key},
		"a CA and no TLS":          {etcd.Config{Endpoints: "http://h:1", CAFile: empty}, key},
		"a CA that is not there":   {etcd.Config{Endpoints: "h:1", CAFile: empty + "x"}, empty + "x"},
		"a CA that is empty":       {etcd.Config{Endpoints: "h:1", CAFile: empty}, empty},
		"a certificate and no key": {etcd.Config{Endpoints: "h:1", CertFile: empty}, "certificate and key"},
		"no password":              {etcd.Config{Endpoints: "h:1", Username: "u"}, "without a password"},
		"no user":                  {etcd.Config{Endpoints: "h:1", Password: secret}, "without a user"},
		"a TTL below 0":            {etcd.Config{Endpoints: "h:1", TTL: -1}, "TTL"},
		"a short lease":            {etcd.Config{Endpoints: "h:1", Lease: time.Millisecond}, "lease"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := etcd.Open(t.Context(), test.config)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q in it", err, test.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q has the password", err)
			}
		})
	}
}

func TestEndpointsAreAListWithSpaces(t *testing.T) {
	for _, e := range []string{"localhost:1", "localhost:1, localhost:2", "https://localhost:1,https://localhost:2,", "http://127.0.0.1:1"} {
		open(t, etcd.Config{Endpoints: e})
	}
}

func TestAClusterMayWantCertificates(t *testing.T) {
	t.Parallel()
	cert, key := lockstest.Certificate(t)
	s := prepare(t, "https://")
	s.Args = append(s.Args, "--cert-file", cert, "--key-file", key, "--trusted-ca-file", cert, "--client-cert-auth")
	s.Start(t)
	lockstest.Relock(t, open(t, etcd.Config{Endpoints: s.url, CAFile: cert, CertFile: cert, KeyFile: key}), "a")
	bare := strings.TrimPrefix(s.url, "https://")
	lockstest.Relock(t, open(t, etcd.Config{Endpoints: bare, CAFile: cert, CertFile: cert, KeyFile: key}), "a")
	for want, c := range map[string]etcd.Config{
		"unknown authority": {Endpoints: s.url, CertFile: cert, KeyFile: key},
		"":                  {Endpoints: s.url, CAFile: cert},
	} {
		l := open(t, c)
		lockstest.Eventually(t, "a part of it is missed", func() error {
			_, _, err := l.Lock(lockstest.Within(t), "a")
			if err != nil && strings.Contains(err.Error(), want) {
				return nil
			}
			return fmt.Errorf("got %v, want an error with %q", err, want)
		})
	}
}

func TestAClusterMayWantAPassword(t *testing.T) {
	t.Parallel()
	s := start(t)
	c, ctx := client(t, s.url), lockstest.Within(t)
	if _, err := c.UserAdd(ctx, "root", "hunter2"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UserGrantRole(ctx, "root", "root"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AuthEnable(ctx); err != nil {
		t.Fatal(err)
	}
	lockstest.Relock(t, open(t, etcd.Config{Endpoints: s.url, Username: "root", Password: "hunter2"}), "a")
	for _, c := range []etcd.Config{
		{Endpoints: s.url},
		{Endpoints: s.url, Username: "root", Password: "hunter3"},
	} {
		_, _, err := open(t, c).Lock(ctx, "a")
		if err == nil || strings.Contains(err.Error(), "hunter") {
			t.Errorf("got %v, want an error without the password", err)
		}
		t.Log(err)
	}
}
