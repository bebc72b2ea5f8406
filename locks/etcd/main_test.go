package etcd_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/modtier/modtier/internal/servertest"
	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/etcd"
	"github.com/modtier/modtier/locks/lockstest"
)

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "4") // they wait more than they work
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, c etcd.Config) locks.Locker {
	t.Helper()
	l, err := etcd.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func client(t testing.TB, endpoints string) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(endpoints, ","), Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// keys are the keys below the lock of name, oldest first.
func keys(t testing.TB, c *clientv3.Client, name string) (keys []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := c.Get(ctx, name+"/", clientv3.WithPrefix(),
		clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortAscend))
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range r.Kvs {
		keys = append(keys, string(kv.Key))
	}
	return keys
}

// A server is an etcd of the test's own, of one member.
type server struct {
	lockstest.Server
	url string
}

// start starts an etcd on free ports. It ends with the test.
func start(t testing.TB) *server {
	t.Helper()
	s := prepare(t, "http://")
	s.Start(t)
	c := client(t, s.url)
	lockstest.Eventually(t, "the server answers", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := c.Get(ctx, "a")
		return err
	})
	return s
}

func prepare(t testing.TB, scheme string) *server {
	t.Helper()
	program := servertest.Server(t, "MODTIER_TEST_ETCD_BIN")
	s := &server{url: scheme + freeAddr(t)}
	peer := "http://" + freeAddr(t)
	s.Args = []string{program, "--name", "e", "--data-dir", t.TempDir(),
		"--listen-client-urls", s.url, "--advertise-client-urls", s.url,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "e=" + peer,
		"--log-level", "fatal", "--unsafe-no-fsync"}
	return s
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr())
}
