package redis_test

import (
	"testing"

	"github.com/modtier/modtier/locks/lockstest"
)

func BenchmarkWaking(b *testing.B) {
	c, client := single(b)
	lockstest.Benchmark(b, service(c, client))
}
