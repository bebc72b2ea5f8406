package mongo_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers/mongo"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestAURLThatCannotBeUsedIsRefusedWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ url, want string }{
		{"", "is not set"},
		{"http://user:secret@127.0.0.1/", "does not begin with mongodb://"},
		{"mongodb://user:secret%ZZ@127.0.0.1/", "user and password"},
		{"mongodb://user:secret@more@127.0.0.1/", "user and password"},
		{"mongodb://user:secret@127.0.0.1:99999/", "port"},
		{"mongodb://user:secret@127.0.0.1/?connectTimeoutMS=secret", "options"},
		{"mongodb://user:secret@127.0.0.1/?authMechanism=secret", "options"},
		{"mongodb://user:secret@127.0.0.1/?tlsCAFile=/secret", "options"},
		{"mongodb://user:secret@127.0.0.1/?w=0", "w=0"},
	} {
		s, err := mongo.Open(t.Context(), mongo.Config{URL: c.url})
		if err == nil {
			s.Close()
			t.Errorf("%s: got no error", c.url)
			continue
		}
		wantAdvice(t, err, "Storage.Mongo.URL", c.want)
	}
}

// wantAdvice checks that an error has all these words and no secret.
func wantAdvice(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("got no error, want one with %q", words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got error %q, want one with %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("got error %q, which tells a secret", err)
	}
}

func TestACertificateThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{empty, filepath.Join(dir, "none.pem")} {
		_, err := mongo.Open(t.Context(), mongo.Config{URL: "mongodb://127.0.0.1:1/", CertPath: name})
		wantAdvice(t, err, "Storage.Mongo.CertPath", name)
	}
}

func TestADatabaseThatAnswersPassesTheCheck(t *testing.T) {
	t.Parallel()
	s := openOn(t, newDatabase(t))
	for range 2 {
		if err := s.Check(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestAPasswordThatIsRefusedNamesTheURL(t *testing.T) {
	t.Parallel()
	url := strings.Replace(withoutUser(uri(t)), "://", "://someone:secret@", 1)
	s := open(t, mongo.Config{URL: url, Timeout: 10 * time.Second})
	wantAdvice(t, s.Check(t.Context()), "Storage.Mongo.URL", "password")
}

func withoutUser(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	return scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
}

// listen accepts connections on a port of its own and leaves them to serve, until
// the test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex // guards conns
	var conns []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

func TestADeadServerIsAnErrorWithinTheTimeout(t *testing.T) {
	t.Parallel()
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing.Close()
	for name, addr := range map[string]string{
		"one that refuses":      refusing.Addr().String(),
		"one that says nothing": listen(t, func(c net.Conn) { io.Copy(io.Discard, c) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, mongo.Config{URL: "mongodb://user:secret@" + addr + "/", Timeout: 200 * time.Millisecond})
			// Not to hang is what is claimed; how long a slow machine takes is not.
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			wantAdvice(t, s.Check(ctx), "Storage.Mongo.URL", addr)
			f := tierstest.Version(one, "a")
			_, versions := s.Versions(ctx, one.Path)
			_, _, catalog := s.Catalog(ctx, "", 7)
			_, info := s.Open(ctx, tierstest.Ref(one, 0))
			_, zip := s.Open(ctx, tierstest.Ref(one, 2))
			for what, err := range map[string]error{
				"save": s.Save(ctx, one, f), "delete": s.Delete(ctx, one),
				"versions": versions, "catalog": catalog, "info": info, "zip": zip,
			} {
				if err == nil || errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: got error %v, want one that is no absence", what, err)
				}
			}
			if ctx.Err() != nil {
				t.Error("a minute has gone by")
			}
		})
	}
}
