package mongo_test

import (
	"testing"

	"github.com/modtier/modtier/locks/lockstest"
	"github.com/modtier/modtier/locks/mongo"
)

func BenchmarkWaking(b *testing.B) {
	lockstest.Benchmark(b, newSite(b, uri(b)).service(mongo.Config{}))
}
