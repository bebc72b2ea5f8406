package bucket

import (
	"strings"
	"testing"

	"github.com/modtier/modtier/internal/servertest"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// kinds are the S3-like stores on each server that stands for their services.
var kinds = []struct {
	name, variable string
	open           func(t testing.TB, s server, bucket string) *Bucket
}{
	{"s3", "MODTIER_TEST_S3_URL", openS3},
	{"s3 on MinIO", "MODTIER_TEST_MINIO_URL", openS3},
	{"minio", "MODTIER_TEST_MINIO_URL", openMinio},
}

func openS3(t testing.TB, s server, bucket string) *Bucket {
	t.Helper()
	b, err := OpenS3(t.Context(), s.s3(bucket))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openMinio(t testing.TB, s server, bucket string) *Bucket {
	t.Helper()
	b, err := OpenMinio(t.Context(), s.minio(bucket))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// onEach runs a test over each of kinds.
func onEach(t *testing.T, test func(t *testing.T, s server, open func(t testing.TB, s server, bucket string) *Bucket)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			test(t, serverAt(t, servertest.Server(t, k.variable)), k.open)
		})
	}
}

func TestStore(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := serverAt(t, servertest.Server(t, k.variable))
			tierstest.TestStore(t, func(t *testing.T) tiers.Store {
				if k.name == "s3 on MinIO" && strings.Contains(t.Name(), "/3000_versions") {
					t.Skip("minutes: s3 shows it for the client, and minio for the server")
				}
				return k.open(t, s, s.bucket(t))
			})
		})
	}
}
