package bucket

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/internal/web"
)

// A GCS says which bucket of Google Cloud Storage to use, and how.
type GCS struct {
	Options

	// Bucket is the name of the bucket, which must exist. Athens'
	// Storage.GCP.Bucket.
	Bucket string

	// JSONKey is the base64 of the JSON of a service account's key, or of
	// another kind of credentials, such as workload identity federation. ""
	// takes the application-default credentials. Athens' Storage.GCP.JSONKey.
	JSONKey string

	// Endpoint is where the service is, as scheme://host[:port]; "" is Google's.
	// With an Endpoint and without a JSONKey no credentials are sent, as
	// emulators want it.
	Endpoint string
}

// gcsTypes are the content types that Athens' objects have, whose library guesses
// them from the content.
var gcsTypes = map[tiers.Kind]string{
	tiers.Info: "text/plain; charset=utf-8",
	tiers.Mod:  "text/plain; charset=utf-8",
	tiers.Zip:  "application/zip",
}

// OpenGCS opens a bucket of Google Cloud Storage. It needs to list, get, create
// and delete objects: without leave to list, what is missing looks forbidden.
func OpenGCS(ctx context.Context, g GCS) (*Bucket, error) {
	g.Options = g.Options.named("gcp")
	c, err := openGCS(ctx, g)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", g.Name, err)
	}
	return open(c, layout{types: gcsTypes}, g.Options), nil
}

// A gcs is a client of Google Cloud Storage.
type gcs struct {
	GCS
	bucket *storage.BucketHandle
	page   int // the most names in one answer
}

func openGCS(ctx context.Context, g GCS) (*gcs, error) {
	if g.Bucket == "" {
		return nil, errors.New("no bucket: set Storage.GCP.Bucket (ATHENS_STORAGE_GCP_BUCKET)")
	}
	t := &gcsTransport{base: transport(g.timeout())}
	switch {
	case g.JSONKey != "":
		creds, err := parseJSONKey(g.JSONKey, g.timeout())
		if err != nil {
			return nil, err
		}
		t.detect = func() (*auth.Credentials, error) { return creds, nil }
	case g.Endpoint == "":
		t.detect = func() (*auth.Credentials, error) { return credentials.DetectDefault(detectOptions(g.timeout())) }
	}
	options := []option.ClientOption{
		option.WithHTTPClient(&http.Client{Transport: t, CheckRedirect: noRedirects}),
		option.WithoutAuthentication(), // which is t's
		storage.WithDisabledClientMetrics(),
	}
	if g.Endpoint != "" {
		u, err := url.Parse(g.Endpoint)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
			return nil, errors.New("the endpoint is no scheme://host[:port]: mend " + gcsEndpointKey)
		}
		options = append(options, option.WithEndpoint(u.Scheme+"://"+u.Host+"/storage/v1/"))
	}
	client, err := storage.NewClient(ctx, options...)
	if err != nil {
		return nil, web.Scrub(err)
	}
	client.SetRetry(
		storage.WithPolicy(storage.RetryAlways), // creating is conditional, and the rest may be repeated
		storage.WithMaxAttempts(attempts),
		storage.WithBackoff(gax.Backoff{Initial: 200 * time.Millisecond, Max: 5 * time.Second, Multiplier: 2}),
	)
	return &gcs{GCS: g, bucket: client.Bucket(g.Bucket), page: 1000}, nil
}

// parseJSONKey reads a JSONKey. Its errors quote none of it.
func parseJSONKey(key string, timeout time.Duration) (*auth.Credentials, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(key))
	if err != nil {
		return nil, errors.New("the key is not base64: mend " + gcsKeyKey)
	}
	var kind struct{ Type string }
	if json.Unmarshal(b, &kind) != nil || kind.Type == "" {
		return nil, errors.New("the key is not the base64 of a JSON key: mend " + gcsKeyKey)
	}
	creds, err := credentials.NewCredentialsFromJSON(credentials.CredType(kind.Type), b, detectOptions(timeout))
	if err != nil {
		return nil, errors.New("the JSON key is incomplete, or of an unknown type: mend " + gcsKeyKey)
	}
	return creds, nil
}
