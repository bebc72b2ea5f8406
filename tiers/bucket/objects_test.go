package bucket

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"cloud.google.com/go/storage"

	"github.com/modtier/modtier/internal/servertest"
)

// What the services do of what is asked for. Amazon and Google say in their documents
// that they compare on removal; the emulator of Google does not.
func TestAnObjectChangesOnCondition(t *testing.T) {
	for _, tc := range []struct {
		service  string
		compares error // what a removal with an old tag gets
		open     func(t *testing.T) *Bucket
	}{
		{"s3 on versitygw", fs.ErrExist, func(t *testing.T) *Bucket { return openS3At(t, "MODTIER_TEST_S3_URL") }},
		{"s3 on MinIO", nil, func(t *testing.T) *Bucket { return openS3At(t, "MODTIER_TEST_MINIO_URL") }},
		{"minio", errors.ErrUnsupported, func(t *testing.T) *Bucket {
			s := serverAt(t, servertest.Server(t, "MODTIER_TEST_MINIO_URL"))
			b, err := OpenMinio(t.Context(), s.minio(s.bucket(t)))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}},
		{"gcp", nil, func(t *testing.T) *Bucket {
			s := gcsServerFor(t)
			return s.open(t, s.bucket(t).BucketName())
		}},
	} {
		t.Run(tc.service, func(t *testing.T) {
			b, ctx := tc.open(t), t.Context()
			const key = "lease/example.com/a@v1.0.0"
			wantRead := func(content, tag string) {
				t.Helper()
				got, gotTag, age, err := b.ReadObject(ctx, key)
				if err != nil || string(got) != content || gotTag != tag || age < 0 {
					t.Errorf("read %q, %q, an age of %v, %v, want %q, %q", got, gotTag, age, err, content, tag)
				}
			}
			write := func(content, tag string) string {
				t.Helper()
				tag, err := b.WriteObject(ctx, key, []byte(content), tag)
				if err != nil || tag == "" {
					t.Fatalf("wrote %q, and the tag is %q, %v", content, tag, err)
				}
				return tag
			}
			if _, _, _, err := b.ReadObject(ctx, key); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("an object that is not there: %v", err)
			}
			one := write("one", "")
			wantRead("one", one)
			two := write("two", one)
			for _, tag := range []string{"", one} {
				if _, err := b.WriteObject(ctx, key, []byte("three"), tag); !errors.Is(err, fs.ErrExist) {
					t.Errorf("a write with the tag %q got %v, want fs.ErrExist", tag, err)
				}
			}
			wantRead("two", two)
			if err := b.RemoveObject(ctx, key, one); !errors.Is(err, tc.compares) {
				t.Errorf("a removal with an old tag got %v, want %v", err, tc.compares)
			}
			if tc.compares == fs.ErrExist {
				wantRead("two", two)
				if err := b.RemoveObject(ctx, key, two); err != nil {
					t.Error(err)
				}
			}
			for _, tag := range []string{"", two} {
				if err := b.RemoveObject(ctx, key, tag); err != nil && !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("a removal with the tag %q of what is not there: %v", tag, err)
				}
			}
			if _, err := b.WriteObject(ctx, key, []byte("three"), two); !errors.Is(err, fs.ErrExist) {
				t.Errorf("a write over what is gone got %v, want fs.ErrExist", err)
			}
			write(strings.Repeat("x", 3*maxObject), "")
			if got, _, _, err := b.ReadObject(ctx, key); err != nil || len(got) != maxObject {
				t.Errorf("read %d bytes of a large object, %v", len(got), err)
			}
		})
	}
}

func openS3At(t *testing.T, variable string) *Bucket {
	t.Helper()
	s := serverAt(t, servertest.Server(t, variable))
	b, err := OpenS3(t.Context(), s.s3(s.bucket(t)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What a bucket may keep copies of, a reader of a lock could see too late.
func TestNobodyKeepsCopiesOfObjectsThatChange(t *testing.T) {
	s := gcsServerFor(t)
	bucket := s.bucket(t)
	b := s.open(t, bucket.BucketName())
	if _, err := b.WriteObject(t.Context(), "lease/a@v1", []byte("a"), ""); err != nil {
		t.Fatal(err)
	}
	attrs := s.all(t, bucket)["lease/a@v1"]
	if attrs == nil || attrs.CacheControl != "no-store" || attrs.ContentType != objectType {
		t.Errorf("the object is %+v", attrs)
	}
}

func TestATagThatIsNoGenerationIsAnError(t *testing.T) {
	for _, tag := range []string{"0", "x", `"1"`} {
		if _, err := gcsIf(tag); err == nil {
			t.Errorf("%q is taken", tag)
		}
	}
	if on, err := gcsIf(""); err != nil || on != (storage.Conditions{DoesNotExist: true}) {
		t.Errorf("without a tag the condition is %+v, %v", on, err)
	}
}

// The bucket of a client that knows no conditions has no such objects.
func TestWithoutConditionsNoObjectChanges(t *testing.T) {
	b, ctx := open(new(memory), layout{}, Options{Name: "m"}), context.Background()
	_, _, _, rerr := b.ReadObject(ctx, "a")
	_, werr := b.WriteObject(ctx, "a", nil, "")
	for _, err := range []error{rerr, werr, b.RemoveObject(ctx, "a", "")} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("got %v, want ErrUnsupported", err)
		}
	}
}

// Whatever is below lease/ with an @ in its last element is no file of a module.
func TestALockIsNoFileOfAModule(t *testing.T) {
	for _, l := range []layout{{}, {dirs: true}} {
		for _, key := range []string{
			"lease/example.com/m@v1.0.0", "lease/example.com/m@v1.0.0.info", "lease/example.com/m/@v=2Fv1.0.0.info",
			"lease/example.com/m/v1.0.0/@v1.0.0.info", "lease/=go.mod", "lease/=probe-X", "x/@v/lease/example.com/m@v1.0.0.zip",
		} {
			if r, ok := l.parse(key); ok {
				t.Errorf("%s is %s", key, r)
			}
		}
	}
}
