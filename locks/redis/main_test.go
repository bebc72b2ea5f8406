package redis_test

import (
	"context"
	"flag"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	sdk "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/modtier/modtier/internal/servertest"
	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/lockstest"
	"github.com/modtier/modtier/locks/redis"
)

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "4") // they wait more than they work
	// Once a second it looks whether its pool is closed.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

func open(t testing.TB, c redis.Config) locks.Locker {
	t.Helper()
	l, err := redis.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// service is the service that c is the configuration of, seen and disturbed by
// client.
func service(c redis.Config, client sdk.UniversalClient) lockstest.Service {
	return lockstest.Service{
		Open: func(t testing.TB) locks.Locker { return open(t, c) },
		Steal: func(t testing.TB, name string) {
			if n, err := client.Del(context.Background(), c.Prefix+name).Result(); err != nil || n != 1 {
				t.Fatalf("deleted %d keys: %v", n, err)
			}
		},
		Limited: func(t testing.TB) locks.Locker {
			c := c
			c.TTL = time.Second
			return open(t, c)
		},
		Named: func(t testing.TB, holder string) locks.Locker {
			c := c
			c.Holder = holder
			return open(t, c)
		},
		At: func(t testing.TB, addr string) locks.Locker {
			c := c
			if c.Sentinel != nil {
				s := *c.Sentinel
				s.Endpoints = []string{addr}
				c.Sentinel = &s
			}
			c.Endpoint = addr
			return open(t, c)
		},
	}
}

// single is the server of the tests.
func single(t testing.TB) (redis.Config, sdk.UniversalClient) {
	t.Helper()
	url := servertest.Server(t, "MODTIER_TEST_REDIS_URL")
	o, err := sdk.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := sdk.NewClient(o)
	t.Cleanup(func() { client.Close() })
	return redis.Config{Endpoint: url}, client
}

// A server is a Redis of the test's own.
type server struct {
	lockstest.Server
	addr string
}

// start starts a Redis on a free port. It ends with the test.
func start(t testing.TB, args ...string) *server {
	t.Helper()
	port := freePort(t)
	s := &server{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	s.Args = append([]string{servertest.Server(t, "MODTIER_TEST_REDIS_SERVER_BIN"),
		"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", t.TempDir(),
		"--save", "", "--appendonly", "no"}, args...)
	s.Start(t)
	c := s.client(t)
	lockstest.Eventually(t, "the server answers", func() error {
		err := c.Ping(context.Background()).Err()
		if err != nil && strings.HasPrefix(err.Error(), "NOAUTH") {
			return nil
		}
		return err
	})
	return s
}

func (s *server) client(t testing.TB) *sdk.Client {
	c := sdk.NewClient(&sdk.Options{Addr: s.addr})
	t.Cleanup(func() { c.Close() })
	return c
}

func freePort(t testing.TB) int {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if port < 50000 { // a cluster's node listens 10000 above, too
			return port
		}
	}
}
