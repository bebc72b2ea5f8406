package bucket

import (
	"net"
	"strings"
	"testing"

	"github.com/modtier/modtier/internal/servertest"
)

func TestCheckNamesWhatToMend(t *testing.T) {
	s := serverAt(t, servertest.Server(t, "MODTIER_TEST_S3_URL"))
	bucket := s.bucket(t)
	for _, c := range []struct {
		claim string
		wrong func(s *S3)
		want  []string
	}{
		{"nothing is wrong", func(*S3) {}, nil},
		{"the bucket is missing", func(c *S3) { c.Bucket = newName() },
			[]string{"does not exist", "Storage.S3.Bucket (ATHENS_S3_BUCKET_NAME)"}},
		{"the key is wrong", func(c *S3) { c.Key = "nobody" },
			[]string{"Storage.S3.Key", "AWS_ACCESS_KEY_ID"}},
		{"the secret is wrong", func(c *S3) { c.Secret = "open sesame" },
			[]string{"Storage.S3.Key", "AWS_SECRET_ACCESS_KEY"}},
		{"the region is wrong", func(c *S3) { c.Region = "mars-west-1" },
			[]string{`"mars-west-1"`, "Storage.S3.Region (AWS_REGION)"}},
		{"nobody listens", func(c *S3) { c.Endpoint = "http://" + nobody(t) },
			[]string{"no answer", "connection refused", "Storage.S3.Endpoint (AWS_ENDPOINT)"}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			settings := s.s3(bucket)
			c.wrong(&settings)
			b, err := OpenS3(t.Context(), settings)
			if err != nil {
				t.Fatal(err)
			}
			names(t, b.Check(t.Context()), "s3: ", c.want, settings.Secret)
		})
	}
	t.Run("the region is wrong, says the client of MinIO", func(t *testing.T) {
		m := s.minio(bucket) // a MinIO takes any region unless it is given one
		m.Region = "mars-west-1"
		b, err := OpenMinio(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		names(t, b.Check(t.Context()), "minio: ", []string{`"mars-west-1"`, "Storage.Minio.Region (ATHENS_MINIO_REGION)"}, m.Secret)
	})
}

func TestCheckOfMinio(t *testing.T) {
	s := serverAt(t, servertest.Server(t, "MODTIER_TEST_MINIO_URL"))
	for _, c := range []struct {
		claim string
		wrong func(m *Minio)
		want  []string
	}{
		{"nothing is wrong", func(*Minio) {}, nil},
		{"no region is set", func(m *Minio) { m.Region = "" }, nil},
		{"the key is wrong", func(m *Minio) { m.Key = "nobody" },
			[]string{"Storage.Minio.Key", "ATHENS_MINIO_ACCESS_KEY_ID"}},
		{"the secret is wrong", func(m *Minio) { m.Secret = "open sesame" },
			[]string{"Storage.Minio.Key", "ATHENS_MINIO_SECRET_ACCESS_KEY"}},
		{"nobody listens", func(m *Minio) { m.Endpoint = nobody(t) },
			[]string{"no answer", "connection refused", "Storage.Minio.Endpoint (ATHENS_MINIO_ENDPOINT)"}},
		{"it has no TLS", func(m *Minio) { m.EnableSSL = true },
			[]string{"no answer", "Storage.Minio.EnableSSL (ATHENS_MINIO_USE_SSL)"}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			m := s.minio(s.bucket(t))
			c.wrong(&m)
			b, err := OpenMinio(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			names(t, b.Check(t.Context()), "minio: ", c.want, m.Secret)
		})
	}
	t.Run("a missing bucket is made the first time only", func(t *testing.T) {
		m := s.minio(newName())
		b, err := OpenMinio(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.drop(t, m.Bucket)
		names(t, b.Check(t.Context()), "minio: ", []string{"does not exist", "Storage.Minio.Bucket (ATHENS_MINIO_BUCKET_NAME)"}, m.Secret)
	})
}

func TestOutageNamesWhatToMend(t *testing.T) {
	onEach(t, func(t *testing.T, s server, open func(testing.TB, server, string) *Bucket) {
		b := open(t, s, newName())
		_, err := b.Open(t.Context(), zip)
		names(t, err, b.Name+": open "+zip.String()+": ", []string{"does not exist", "BUCKET_NAME"}, s.secret)
		if _, err := b.Versions(t.Context(), v.Path); err == nil {
			t.Error("versions in a missing bucket: got no error, want one")
		}
	})
}

// names checks that err begins with a prefix and has these texts and no secret. If
// there are no texts, there has to be no error.
func names(t testing.TB, err error, prefix string, texts []string, secret string) {
	t.Helper()
	if len(texts) == 0 {
		if err != nil {
			t.Errorf("got error %v, want none", err)
		}
		return
	}
	if err == nil {
		t.Errorf("got no error, want one that has %q", texts)
		return
	}
	t.Log(err)
	for _, text := range texts {
		if !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), text) {
			t.Errorf("got error %v, want one that begins with %q and has %q", err, prefix, text)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("got error %v, which has the secret", err)
	}
}

// nobody returns an address where nobody listens.
func nobody(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
