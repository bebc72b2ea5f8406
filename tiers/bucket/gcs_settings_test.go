package bucket

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
)

// jsonKey returns the JSONKey of a service account whose tokens come from url.
func jsonKey(t *testing.T, url string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "p", "private_key_id": "1", "client_email": "someone@example.com", "client_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": url,
	})
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

func TestGCSSendsATokenOfItsKey(t *testing.T) {
	t.Parallel()
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"sesame","token_type":"Bearer","expires_in":3600}`)
	}))
	defer tokens.Close()
	var got atomic.Value
	b := gcsSaying(t, GCS{JSONKey: jsonKey(t, tokens.URL)}, func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Header.Get("Authorization"))
		fmt.Fprint(w, `{"kind":"storage#objects"}`)
	})
	if err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got.Load() != "Bearer sesame" {
		t.Errorf("Authorization: got %q, want the token", got.Load())
	}
}

func TestGCSCheckNamesWhatToMend(t *testing.T) {
	t.Parallel()
	status := func(code int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"error":{"code":%d,"message":%q}}`, code, text)
		}
	}
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`)
	}))
	t.Cleanup(refusing.Close)
	for _, c := range []struct {
		name, key string
		answer    http.HandlerFunc
		want      []string
	}{
		{"no such bucket", "", status(404, "The specified bucket does not exist."),
			[]string{`gcp: bucket "modules" does not exist: mend Storage.GCP.Bucket (ATHENS_STORAGE_GCP_BUCKET)`}},
		{"no leave", "", status(403, "someone does not have storage.objects.list access."),
			[]string{`bucket "modules" may not be listed`, "someone does not have", "ATHENS_STORAGE_GCP_JSON_KEY"}},
		{"a token refused", "", status(401, "Invalid Credentials"), []string{"refused", "401", "ATHENS_STORAGE_GCP_JSON_KEY"}},
		{"a name that cannot be", "", status(400, "Invalid bucket name"), []string{"Invalid bucket name", "ATHENS_STORAGE_GCP_BUCKET"}},
		{"a key refused", jsonKey(t, refusing.URL), status(200, ""), []string{"Invalid JWT Signature", "mend Storage.GCP.JSONKey (ATHENS_STORAGE_GCP_JSON_KEY)"}},
	} {
		err := gcsSaying(t, GCS{JSONKey: c.key}, c.answer).Check(t.Context())
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q in it", c.name, err, want)
			}
		}
	}

	s := httptest.NewServer(nil)
	s.Close()
	b, err := OpenGCS(t.Context(), GCS{Bucket: "modules", Endpoint: s.URL, Options: Options{Timeout: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Check(t.Context()); err == nil || !strings.Contains(err.Error(), s.URL+" cannot be reached") || !strings.Contains(err.Error(), "MODTIER_GCP_ENDPOINT") {
		t.Errorf("nobody there: got %v, want the endpoint and MODTIER_GCP_ENDPOINT in it", err)
	}
	real := gcsServerFor(t)
	if err := real.open(t, newName()).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "does not exist: mend Storage.GCP.Bucket") {
		t.Errorf("a missing bucket: got %v, want that it does not exist", err)
	}
	if err := real.open(t, real.bucket(t).BucketName()).Check(t.Context()); err != nil {
		t.Errorf("a bucket: %v", err)
	}
}

func TestGCSRefusesSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	secret := base64.StdEncoding.EncodeToString([]byte(`{"type":"service_account","private_key":"hush`))
	for _, c := range []struct {
		g    GCS
		want string
	}{
		{GCS{}, "gcp: no bucket: set Storage.GCP.Bucket"},
		{GCS{Bucket: "b", JSONKey: "hush!"}, "not base64: mend Storage.GCP.JSONKey"},
		{GCS{Bucket: "b", JSONKey: secret}, "not the base64 of a JSON key: mend Storage.GCP.JSONKey"},
		{GCS{Bucket: "b", JSONKey: base64.StdEncoding.EncodeToString([]byte(`{"type":"hush"}`))}, "mend Storage.GCP.JSONKey"},
		{GCS{Bucket: "b", Endpoint: "localhost:4443"}, "mend Tiers.GCP.Endpoint"},
		{GCS{Bucket: "b", Endpoint: "http://user:hush@localhost"}, "mend Tiers.GCP.Endpoint"},
	} {
		_, err := OpenGCS(t.Context(), c.g)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), secret) {
			t.Errorf("open: got error %v, want %q in it and no secret", err, c.want)
		}
	}
}

func TestGCSWithoutCredentialsSaysSoAndIsNoAbsence(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", t.TempDir()+"/missing.json")
	b, err := OpenGCS(t.Context(), GCS{Bucket: "modules"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "GOOGLE_APPLICATION_CREDENTIALS") || !strings.Contains(err.Error(), "ATHENS_STORAGE_GCP_JSON_KEY") {
		t.Errorf("check: got %v, want both ways to give credentials in it", err)
	}
	_, err = b.Open(t.Context(), tiers.Ref{Path: "example.com/a", Version: "v1.0.0", Kind: tiers.Mod})
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: got error %v, want one that is no absence", err)
	}
}
