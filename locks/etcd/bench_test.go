package etcd_test

import (
	"testing"

	"github.com/modtier/modtier/internal/servertest"
	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/etcd"
	"github.com/modtier/modtier/locks/lockstest"
)

func BenchmarkWaking(b *testing.B) {
	c := etcd.Config{Endpoints: servertest.Server(b, "MODTIER_TEST_ETCD_ENDPOINTS")}
	lockstest.Benchmark(b, lockstest.Service{Open: func(t testing.TB) locks.Locker { return open(t, c) }})
}
