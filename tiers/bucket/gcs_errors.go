package bucket

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"

	"github.com/modtier/modtier/tiers/internal/web"
)

// What to mend, in the words of the configuration.
const (
	gcsBucketKey   = "Storage.GCP.Bucket (ATHENS_STORAGE_GCP_BUCKET)"
	gcsKeyKey      = "Storage.GCP.JSONKey (ATHENS_STORAGE_GCP_JSON_KEY)"
	gcsEndpointKey = "Tiers.GCP.Endpoint (MODTIER_GCP_ENDPOINT)"
)

// check lists one object. Athens asks for the bucket's attributes, which takes a
// leave that nothing else needs.
func (c *gcs) check(ctx context.Context) error {
	_, err := c.names(ctx, storage.Query{}, 1)
	if err == nil {
		return nil
	}
	if errors.Is(err, storage.ErrBucketNotExist) {
		return c.failure(err)
	}
	if e, ok := errors.AsType[*credentialsError](err); ok {
		if c.JSONKey != "" {
			return fmt.Errorf("the key gives no access: %w: mend %s", e, gcsKeyKey)
		}
		return fmt.Errorf("no credentials: %w: set %s, or see to the application-default credentials (GOOGLE_APPLICATION_CREDENTIALS)", e, gcsKeyKey)
	}
	credentials := gcsKeyKey
	if c.JSONKey == "" {
		credentials = "the application-default credentials (GOOGLE_APPLICATION_CREDENTIALS), or set " + gcsKeyKey
	}
	e, ok := errors.AsType[*googleapi.Error](err)
	switch {
	case ok && e.Code == http.StatusUnauthorized:
		return fmt.Errorf("the credentials are refused: %w: mend %s", c.failure(err), credentials)
	case ok && e.Code == http.StatusForbidden:
		return fmt.Errorf("bucket %q may not be listed: %w: give its user the role storage.objectUser, or mend %s", c.Bucket, c.failure(err), credentials)
	case ok && e.Code == http.StatusBadRequest:
		return fmt.Errorf("bucket %q cannot be used: %w: mend %s", c.Bucket, c.failure(err), gcsBucketKey)
	case ok:
		return c.failure(err)
	case c.Endpoint != "":
		return fmt.Errorf("%s cannot be reached: %w: mend %s", c.Endpoint, c.failure(err), gcsEndpointKey)
	}
	return fmt.Errorf("the service cannot be reached: %w", c.failure(err))
}

// failure makes an error of the library one of a client: in a line, without URLs,
// of which one that a large upload got is as good as a key, and neither an absence
// nor a presence.
func (c *gcs) failure(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errNoBucket) || errors.Is(err, storage.ErrBucketNotExist) {
		return fmt.Errorf("bucket %q does not exist: mend %s", c.Bucket, gcsBucketKey)
	}
	e, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return web.Scrub(err)
	}
	text := e.Message
	var x struct{ Code, Message, Details string }
	if text == "" && xml.Unmarshal([]byte(e.Body), &x) == nil {
		text = x.Code + " " + x.Message + " " + x.Details
	}
	if text = web.OneLine(text); text == "" {
		return fmt.Errorf("the service answered %d", e.Code)
	}
	return fmt.Errorf("the service answered %d: %s", e.Code, text)
}
