package bucket_test

import (
	"testing"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/bucket"
	"github.com/modtier/modtier/locks/lockstest"
)

func TestObjects(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			lockstest.Test(t, p.at(t).service())
		})
	}
}

// Google takes one change a second of an object, and a lock is two.
func TestARateLimitDelaysALockAndCostsNone(t *testing.T) {
	t.Parallel()
	p := google(t, googleAddr(t))
	l := openObjects(t, p.open(t, limited(t, comparing(t, p.addr))), bucket.Config{})
	for range 2 {
		_, unlock := mustTake(t, l)
		unlock()
		if got := p.keys(t); len(got) > 0 {
			t.Fatalf("after the unlock the bucket has %q", got)
		}
	}
}

func TestProcessesOnS3(t *testing.T)    { processes(t, places[0].at) }
func TestProcessesOnMinio(t *testing.T) { processes(t, places[2].at) }
func TestProcessesOnGCS(t *testing.T)   { processes(t, places[3].at) }

func processes(t *testing.T, at func(testing.TB) place) {
	t.Parallel()
	lockstest.Processes(t, func(t testing.TB) locks.Locker {
		p := at(t)
		return openObjects(t, p.open(t, p.addr), bucket.Config{Lease: lockstest.Lease})
	})
}

func BenchmarkWaking(b *testing.B) {
	for _, p := range places {
		b.Run(p.name, func(b *testing.B) { lockstest.Benchmark(b, p.at(b).service()) })
	}
}
