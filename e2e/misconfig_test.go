package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// A mistake is a store that is set up wrongly.
type mistake struct {
	claim   string
	store   string
	env     []string
	want    []string // what the message has: the keys to mend
	secrets []string // what it must not have
}

// with returns env with other values for some variables.
func with(env []string, more ...string) []string { return append(slices.Clip(env), more...) }

// TestMistakes starts gateways over stores that cannot be used.
func TestMistakes(t *testing.T) {
	t.Parallel()
	const sesame = "open-sesame-31c4"
	nobody := vacant(t)
	denies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "who are you?", http.StatusUnauthorized)
	}))
	t.Cleanup(denies.Close)
	website := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "<html>Welcome to this website</html>")
	}))
	t.Cleanup(website.Close)
	storedIn := func(u string) []string {
		return []string{"ATHENS_STORAGE_TYPE=external", "ATHENS_SUM_DBS=",
			"ATHENS_EXTERNAL_STORAGE_URL=" + strings.Replace(u, "://", "://user:"+sesame+"@", 1)}
	}

	// What needs a server is a claim of its own, so that each is skipped by name.
	for _, group := range []struct {
		name     string
		mistakes func(t *testing.T) []mistake
	}{
		{"s3", func(t *testing.T) []mistake {
			s := newS3Server(t)
			env, secrets := s.env(""), []string{s3Secret, sesame}
			return []mistake{
				{"a wrong secret", "s3", with(env, "AWS_SECRET_ACCESS_KEY="+sesame), []string{"AWS_SECRET_ACCESS_KEY"}, secrets},
				{"a wrong access key", "s3", with(env, "AWS_ACCESS_KEY_ID=nobody"), []string{"Storage.S3.Key", "AWS_ACCESS_KEY_ID"}, secrets},
				{"a bucket that is not there", "s3", with(env, "ATHENS_S3_BUCKET_NAME=absent"), []string{"absent", "Storage.S3.Bucket", "ATHENS_S3_BUCKET_NAME"}, secrets},
				{"an endpoint where nobody is", "s3", with(env, "AWS_ENDPOINT=http://"+nobody), []string{nobody, "Storage.S3.Endpoint", "AWS_ENDPOINT"}, secrets},
				{"another region", "s3", with(env, "AWS_REGION=eu-west-9"), []string{"Storage.S3.Region", "AWS_REGION"}, secrets},
			}
		}},
		{"s3 of MinIO", func(t *testing.T) []mistake {
			u, err := url.Parse(fromMake(t, "MODTIER_TEST_MINIO_URL"))
			if err != nil {
				t.Fatal(err)
			}
			secret, _ := u.User.Password()
			env := []string{"ATHENS_STORAGE_TYPE=s3", "AWS_ENDPOINT=http://" + u.Host, "AWS_REGION=us-east-1", "AWS_FORCE_PATH_STYLE=true",
				"ATHENS_S3_BUCKET_NAME=absent-e2e", "AWS_ACCESS_KEY_ID=" + u.User.Username(), "AWS_SECRET_ACCESS_KEY=" + secret, "ATHENS_SUM_DBS="}
			return []mistake{
				{"a wrong secret", "s3", with(env, "AWS_SECRET_ACCESS_KEY="+sesame), []string{"AWS_SECRET_ACCESS_KEY"}, []string{sesame}},
				{"a wrong access key", "s3", with(env, "AWS_ACCESS_KEY_ID=nobody"), []string{"Storage.S3.Key", "AWS_ACCESS_KEY_ID"}, []string{sesame}},
				{"a bucket that is not there", "s3", env, []string{"absent", "Storage.S3.Bucket", "ATHENS_S3_BUCKET_NAME"}, []string{sesame}},
			}
		}},
		{"minio", func(t *testing.T) []mistake {
			env := with(newMinio(t), "ATHENS_STORAGE_TYPE=minio", "ATHENS_SUM_DBS=")
			return []mistake{
				{"a wrong secret", "minio", with(env, "ATHENS_MINIO_SECRET_ACCESS_KEY="+sesame), []string{"ATHENS_MINIO_SECRET_ACCESS_KEY"}, []string{sesame}},
				{"a wrong access key", "minio", with(env, "ATHENS_MINIO_ACCESS_KEY_ID=nobody"), []string{"Storage.Minio.Key", "ATHENS_MINIO_ACCESS_KEY_ID"}, []string{sesame}},
				{"a name that no bucket can have", "minio", with(env, "ATHENS_MINIO_BUCKET_NAME=No_Bucket"), []string{"Storage.Minio.Bucket", "ATHENS_MINIO_BUCKET_NAME"}, []string{sesame}},
				{"an endpoint where nobody is", "minio", with(env, "ATHENS_MINIO_ENDPOINT="+nobody), []string{"Storage.Minio.Endpoint", "ATHENS_MINIO_ENDPOINT"}, []string{sesame}},
				{"TLS with a server that has none", "minio", with(env, "ATHENS_MINIO_USE_SSL=true"), []string{"Storage.Minio.EnableSSL"}, []string{sesame}},
			}
		}},
		{"azureblob", func(t *testing.T) []mistake {
			u, err := url.Parse(fromMake(t, "MODTIER_TEST_AZURE_URL"))
			if err != nil {
				t.Fatal(err)
			}
			key, _ := u.User.Password()
			env := []string{"ATHENS_STORAGE_TYPE=azureblob", "ATHENS_AZURE_ACCOUNT_NAME=" + u.User.Username(), "ATHENS_AZURE_ACCOUNT_KEY=" + key,
				"ATHENS_AZURE_CONTAINER_NAME=absent-e2e", "MODTIER_AZUREBLOB_ENDPOINT=http://" + u.Host + u.Path, "ATHENS_SUM_DBS="}
			const wrong = "b3Blbi1zZXNhbWUtMzFjNA=="
			return []mistake{
				{"a container that is not there", "azureblob", env, []string{"absent", "Storage.AzureBlob.ContainerName", "ATHENS_AZURE_CONTAINER_NAME"}, []string{key}},
				{"a wrong key", "azureblob", with(env, "ATHENS_AZURE_ACCOUNT_KEY="+wrong), []string{"Storage.AzureBlob.AccountKey", "ATHENS_AZURE_ACCOUNT_KEY"}, []string{key, wrong}},
				{"an endpoint where nobody is", "azureblob", with(env, "MODTIER_AZUREBLOB_ENDPOINT=http://"+nobody+u.Path), []string{"Tiers.AzureBlob.Endpoint", "MODTIER_AZUREBLOB_ENDPOINT"}, []string{key}},
			}
		}},
		{"gcp", func(t *testing.T) []mistake {
			env := []string{"ATHENS_STORAGE_TYPE=gcp", "ATHENS_STORAGE_GCP_BUCKET=absent-e2e", "MODTIER_GCP_ENDPOINT=" + fromMake(t, "MODTIER_TEST_GCS_URL"), "ATHENS_SUM_DBS="}
			return []mistake{
				{"a bucket that is not there", "gcp", env, []string{"absent", "Storage.GCP.Bucket", "ATHENS_STORAGE_GCP_BUCKET"}, nil},
				{"an endpoint where nobody is", "gcp", with(env, "MODTIER_GCP_ENDPOINT=http://"+nobody), []string{"Tiers.GCP.Endpoint", "MODTIER_GCP_ENDPOINT"}, nil},
			}
		}},
		{"mongo", func(t *testing.T) []mistake {
			env := []string{"ATHENS_STORAGE_TYPE=mongo", "ATHENS_SUM_DBS=", "ATHENS_TIMEOUT=3"}
			want := []string{"Storage.Mongo.URL", "ATHENS_MONGO_STORAGE_URL"}
			return []mistake{
				{"a server where nobody is", "mongo", with(env, "ATHENS_MONGO_STORAGE_URL=mongodb://user:"+sesame+"@"+nobody+"/"), want, []string{sesame}},
				{"a server of another kind", "mongo", with(env, "ATHENS_MONGO_STORAGE_URL=mongodb://user:"+sesame+"@"+website.Listener.Addr().String()+"/"), want, []string{sesame}},
			}
		}},
		{"external", func(t *testing.T) []mistake {
			want := []string{"Storage.External.URL", "ATHENS_EXTERNAL_STORAGE_URL"}
			return []mistake{
				{"a server that answers 401", "external", storedIn(denies.URL), append(want, "401"), []string{sesame}},
				{"a server where nobody is", "external", storedIn("http://" + nobody), want, []string{sesame}},
				{"a server of another kind", "external", storedIn(website.URL), want, []string{sesame}},
			}
		}},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, m := range group.mistakes(t) {
				t.Run(m.claim+" is told with what to mend, and upstream is served", m.shows)
			}
		})
	}
}

func (m mistake) shows(t *testing.T) {
	v := version{path: "example.com/meanwhile", version: "v1.0.0", size: 20_000}
	g := start(t, options{upstream: newUpstream(t, v).URL, env: m.env})
	g.serves(v)
	g.serves(v) // from the caches
	line := g.logs("a store cannot be used", `"`+m.store+`"`)
	for _, want := range m.want {
		if !strings.Contains(line, want) {
			t.Errorf("the log says %s, want %s in it", line, want)
		}
	}
	status, text, err := g.get("/healthz?deep=1")
	if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(string(text), m.want[0]) {
		t.Errorf("/healthz?deep=1: got %d, %q, %v, want 503 and %s", status, text, err, m.want[0])
	}
	g.kill() // what waits for the store need not be waited for
	for _, secret := range m.secrets {
		if said := g.log.String() + string(text); strings.Contains(said, secret) {
			t.Errorf("modtier tells the secret %s: %s", secret, said)
		}
	}
}
