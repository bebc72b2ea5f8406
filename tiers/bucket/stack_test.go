package bucket

import (
	"strings"
	"testing"

	"github.com/modtier/modtier/internal/servertest"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// A stack over a bucket is held to the same contract as the bucket: all that it
// saves goes through its queue, and all reads here come from the bucket.
func TestStackOverStore(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long: not with -short")
	}
	leaveLargest := func(t *testing.T) {
		if strings.Contains(t.Name(), "/3000_versions") || strings.Contains(t.Name(), "/a_zip_of_100_MB") {
			t.Skip("the bucket alone shows it")
		}
	}
	over := func(name string, open func(t *testing.T) func(t *testing.T) tiers.Store) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			tierstest.TestStore(t, func(t *testing.T) tiers.Store {
				leaveLargest(t)
				return tierstest.Stack(t, tiers.Level{Name: name, Store: store(t)})
			})
		})
	}
	for _, k := range kinds {
		over(k.name, func(t *testing.T) func(t *testing.T) tiers.Store {
			s := serverAt(t, servertest.Server(t, k.variable))
			return func(t *testing.T) tiers.Store { return k.open(t, s, s.bucket(t)) }
		})
	}
	over("gcp", func(t *testing.T) func(t *testing.T) tiers.Store {
		s := gcsServerFor(t)
		return func(t *testing.T) tiers.Store { return s.open(t, s.bucket(t).BucketName()) }
	})
	over("azureblob", func(t *testing.T) func(t *testing.T) tiers.Store {
		s := azureServerFor(t)
		return func(t *testing.T) tiers.Store { return s.open(t, s.container(t)) }
	})
	t.Run("minio over s3", func(t *testing.T) {
		t.Parallel()
		m := serverAt(t, servertest.Server(t, "MODTIER_TEST_MINIO_URL"))
		s := serverAt(t, servertest.Server(t, "MODTIER_TEST_S3_URL"))
		tierstest.TestStore(t, func(t *testing.T) tiers.Store {
			leaveLargest(t)
			return tierstest.Stack(t,
				tiers.Level{Name: "minio", Store: openMinio(t, m, m.bucket(t))},
				tiers.Level{Name: "s3", Store: openS3(t, s, s.bucket(t))})
		})
	})
}
