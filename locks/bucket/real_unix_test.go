//go:build unix

package bucket_test

import (
	"testing"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/bucket"
	"github.com/modtier/modtier/locks/lockstest"
)

func TestAPausedProcessOnS3(t *testing.T)    { paused(t, places[0].at) }
func TestAPausedProcessOnMinio(t *testing.T) { paused(t, places[2].at) }

func paused(t *testing.T, at func(testing.TB) place) {
	t.Parallel()
	lockstest.Paused(t, func(t testing.TB) locks.Locker {
		p := at(t)
		return openObjects(t, p.open(t, p.addr), bucket.Config{Lease: lockstest.Lease})
	})
}
