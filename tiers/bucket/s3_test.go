package bucket

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/modtier/modtier/tiers/tierstest"
)

func TestSettingsAreChecked(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	good := S3{Region: "here", Bucket: "bucket", Key: "key", Secret: "open sesame"}
	for _, c := range []struct {
		wrong func(*S3)
		want  string // "" is no error
	}{
		{func(s *S3) {}, ""},
		{func(s *S3) { s.Token = "token" }, ""},
		{func(s *S3) { s.Bucket = "" }, "ATHENS_S3_BUCKET_NAME"},
		{func(s *S3) { s.Region = "" }, "AWS_REGION"},
		{func(s *S3) { s.Key = "" }, "AWS_ACCESS_KEY_ID"},
		{func(s *S3) { s.Secret = "" }, "AWS_SECRET_ACCESS_KEY"},
		{func(s *S3) { s.Key, s.Secret = "", "" }, "AWS_USE_DEFAULT_CONFIGURATION"},
		{func(s *S3) { s.Key, s.Secret, s.UseDefaultConfiguration = "", "", true }, ""},
		{func(s *S3) { s.Endpoint = "127.0.0.1:9000" }, "AWS_ENDPOINT"},
		{func(s *S3) { s.Endpoint = "http://a:open sesame@127.0.0.1:9000" }, "AWS_ENDPOINT"},
		{func(s *S3) { s.Endpoint = "http://a:open%20sesame@127.0.0.1:9000" }, "AWS_ENDPOINT"},
		{func(s *S3) { s.CredentialsEndpoint = "169.254.170.2" }, "AWS_CREDENTIALS_ENDPOINT"},
	} {
		s := good
		c.wrong(&s)
		_, err := OpenS3(t.Context(), s)
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("got error %v, want %q", err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("got error %v, which has the secret", err)
		}
	}
	for _, m := range []Minio{
		{Bucket: "bucket", Key: "key", Secret: "secret"},
		{Endpoint: "127.0.0.1:9000", Key: "key", Secret: "secret"},
		{Endpoint: "127.0.0.1:9000", Bucket: "bucket", Secret: "secret"},
		{Endpoint: "127.0.0.1:9000", Bucket: "bucket", Key: "key"},
		{Endpoint: "http://127.0.0.1:9000/path", Bucket: "bucket", Key: "key", Secret: "secret"},
	} {
		if _, err := OpenMinio(t.Context(), m); err == nil || !strings.Contains(err.Error(), "ATHENS_MINIO") {
			t.Errorf("minio: got error %v, want one that names the setting", err)
		}
	}
}

// who is a service that notes who asks it.
func who(t *testing.T) (address string, asked func() string) {
	var mu sync.Mutex
	var as string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, as, _ = strings.Cut(r.Header.Get("Authorization"), "Credential=")
		as, _, _ = strings.Cut(as, "/")
		as += " " + r.Header.Get("X-Amz-Security-Token")
		fmt.Fprint(w, `<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>`)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() string { mu.Lock(); defer mu.Unlock(); return as }
}

func TestCredentials(t *testing.T) {
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/credentials/hidden" {
			http.Error(w, "no", http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `{"AccessKeyId":"lent","SecretAccessKey":"s","Token":"lent-token","Expiration":"2099-01-01T00:00:00Z"}`)
	}))
	t.Cleanup(endpoint.Close)
	shared := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(shared, []byte("[default]\naws_access_key_id = file\naws_secret_access_key = s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		claim string
		s     S3
		env   map[string]string
		want  string
	}{
		{"static ones", S3{Key: "static", Secret: "s"}, nil, "static "},
		{"static ones with a token", S3{Key: "static", Secret: "s", Token: "token"}, nil, "static token"},
		{"static ones, whatever the environment has", S3{Key: "static", Secret: "s"},
			map[string]string{"AWS_ACCESS_KEY_ID": "environment", "AWS_SECRET_ACCESS_KEY": "s"}, "static "},
		{"the endpoint's, before static ones", S3{Key: "static", Secret: "s",
			CredentialsEndpoint: endpoint.URL, AwsContainerCredentialsRelativeURI: "/v2/credentials/hidden"}, nil, "lent lent-token"},
		{"the endpoint's, its URL in one", S3{CredentialsEndpoint: endpoint.URL + "/v2/credentials/hidden"}, nil, "lent lent-token"},
		{"static ones if the endpoint has none", S3{Key: "static", Secret: "s", CredentialsEndpoint: endpoint.URL}, nil, "static "},
		{"the environment's by default configuration", S3{UseDefaultConfiguration: true, Key: "static", Secret: "s"},
			map[string]string{"AWS_ACCESS_KEY_ID": "environment", "AWS_SECRET_ACCESS_KEY": "s"}, "environment "},
		{"a file's by default configuration", S3{UseDefaultConfiguration: true},
			map[string]string{"AWS_SHARED_CREDENTIALS_FILE": shared}, "file "},
		{"a container's by default configuration", S3{UseDefaultConfiguration: true},
			map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint.URL + "/v2/credentials/hidden"}, "lent lent-token"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
				t.Setenv(name, "")
			}
			t.Setenv("AWS_CONFIG_FILE", none)
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			address, asked := who(t)
			c.s.Endpoint, c.s.Region, c.s.Bucket, c.s.ForcePathStyle = address, "here", "bucket", true
			b, err := OpenS3(t.Context(), c.s)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := asked(); got != c.want {
				t.Errorf("asked as %q, want %q", got, c.want)
			}
		})
	}
	t.Run("without any the error names the setting, and not the endpoint's path", func(t *testing.T) {
		for _, at := range []string{endpoint.URL, "http://" + nobody(t)} {
			b, err := OpenS3(t.Context(), S3{Region: "here", Bucket: "bucket", CredentialsEndpoint: at, AwsContainerCredentialsRelativeURI: "/open-sesame"})
			if err != nil {
				t.Fatal(err)
			}
			names(t, b.Check(t.Context()), "s3: there are no credentials", []string{"AWS_CREDENTIALS_ENDPOINT"}, "sesame")
		}
	})
	t.Run("without any by default configuration the error names that", func(t *testing.T) {
		for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
			t.Setenv(name, "")
		}
		t.Setenv("AWS_CONFIG_FILE", none)
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
		t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
		b, err := OpenS3(t.Context(), S3{Region: "here", Bucket: "bucket", UseDefaultConfiguration: true})
		if err != nil {
			t.Fatal(err)
		}
		names(t, b.Check(t.Context()), "s3: there are no credentials", []string{"AWS_USE_DEFAULT_CONFIGURATION"}, "sesame")
	})
}

func TestBrokenBodyLeavesNoObject(t *testing.T) {
	onEach(t, func(t *testing.T, s server, open func(testing.TB, server, string) *Bucket) {
		bucket := s.bucket(t)
		b := open(t, s, bucket)
		const size = 8 << 20
		for name, body := range map[string]io.ReaderAt{
			"fails": brokenAt{size / 2, errors.New("the disk broke")},
			"ends":  brokenAt{size / 2, io.EOF},
		} {
			err := b.create(t.Context(), name, "text/plain", io.NewSectionReader(body, 0, size))
			if err == nil || errors.Is(err, fs.ErrExist) {
				t.Errorf("a body that %s: got error %v, want another", name, err)
			}
		}
		if got := s.all(t, bucket); len(got) != 0 {
			t.Errorf("got %d objects, want none", len(got))
		}
	})
}

// brokenAt is a file that breaks behind so many bytes.
type brokenAt struct {
	size int64
	err  error
}

func (b brokenAt) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > b.size {
		return int(max(0, b.size-off)), b.err
	}
	return len(p), nil
}

func TestLargeCreateOfWhatIsThere(t *testing.T) {
	// Servers refuse it while it is being sent, and close the connection.
	onEach(t, func(t *testing.T, s server, open func(testing.TB, server, string) *Bucket) {
		b := open(t, s, s.bucket(t))
		body := tierstest.Large(v, "a", 4<<20).Zip
		if err := b.create(t.Context(), "key", "text/plain", body); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if err := b.create(t.Context(), "key", "text/plain", body); !errors.Is(err, fs.ErrExist) {
				t.Errorf("got error %v, want fs.ErrExist", err)
			}
		}
	})
}

func TestRacingCreatesHaveOneWinner(t *testing.T) {
	onEach(t, func(t *testing.T, s server, open func(testing.TB, server, string) *Bucket) {
		b := open(t, s, s.bucket(t))
		var mu sync.Mutex
		var won []string
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				content := fmt.Sprint(i)
				switch err := b.create(t.Context(), "key", "text/plain", section([]byte(content))); {
				case err == nil:
					mu.Lock()
					defer mu.Unlock()
					won = append(won, content)
				case !errors.Is(err, fs.ErrExist):
					t.Errorf("got error %v, want fs.ErrExist", err)
				}
			})
		}
		wg.Wait()
		o, err := b.get(t.Context(), "key")
		if err != nil {
			t.Fatal(err)
		}
		defer o.body.Close()
		got, err := io.ReadAll(o.body)
		if err != nil || len(won) != 1 || won[0] != string(got) {
			t.Errorf("got winners %q and %q stored, error %v, want one and the same", won, got, err)
		}
	})
}
