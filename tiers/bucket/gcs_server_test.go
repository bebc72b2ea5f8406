package bucket

import (
	"context"
	"io"
	"testing"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"github.com/modtier/modtier/internal/servertest"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// A gcsServer stands for Google's; api is what a test sees it with: the bare SDK.
type gcsServer struct {
	endpoint string
	api      *storage.Client
}

func gcsServerFor(t testing.TB) gcsServer {
	t.Helper()
	s := gcsServer{endpoint: servertest.Server(t, "MODTIER_TEST_GCS_URL")}
	var err error
	s.api, err = storage.NewClient(t.Context(), option.WithEndpoint(s.endpoint+"/storage/v1/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.api.Close() })
	return s
}

// bucket makes a bucket for the time of a test.
func (s gcsServer) bucket(t testing.TB) *storage.BucketHandle {
	t.Helper()
	b := s.api.Bucket(newName())
	if err := b.Create(t.Context(), "tests", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		for name := range s.all(t, b) {
			if err := b.Object(name).Delete(ctx); err != nil {
				t.Errorf("emptying the bucket: %v", err)
			}
		}
		if err := b.Delete(ctx); err != nil {
			t.Errorf("removing the bucket: %v", err)
		}
	})
	return b
}

func (s gcsServer) open(t testing.TB, bucket string) *Bucket {
	t.Helper()
	b, err := OpenGCS(t.Context(), GCS{Bucket: bucket, Endpoint: s.endpoint})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// put makes an object without any of our code.
func (s gcsServer) put(t testing.TB, b *storage.BucketHandle, attrs storage.ObjectAttrs, content string) {
	t.Helper()
	w := b.Object(attrs.Name).NewWriter(t.Context())
	w.ContentType, w.Metadata = attrs.ContentType, attrs.Metadata
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// all returns the attributes of all objects, by name.
func (s gcsServer) all(t testing.TB, b *storage.BucketHandle) map[string]*storage.ObjectAttrs {
	t.Helper()
	all := make(map[string]*storage.ObjectAttrs)
	for it := b.Objects(context.Background(), nil); ; {
		attrs, err := it.Next()
		if err == iterator.Done {
			return all
		}
		if err != nil {
			t.Errorf("listing the bucket: %v", err)
			return all
		}
		all[attrs.Name] = attrs
	}
}

func TestGCSIsAStore(t *testing.T) {
	t.Parallel()
	s := gcsServerFor(t)
	tierstest.TestStore(t, func(t *testing.T) tiers.Store {
		skipMany(t)

		name := s.bucket(t).BucketName()
		return s.open(t, name)
	})
}
