package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/modtier/modtier/tiers"
)

// Minio is a bucket of MinIO, or of a service that Athens reaches through its MinIO
// client, such as DigitalOcean Spaces and Alibaba OSS. The fields are Athens' keys of
// [Storage.Minio].
type Minio struct {
	Options Options

	Endpoint  string // ATHENS_MINIO_ENDPOINT: a host and port; an http:// or https:// before it is ignored
	Key       string // ATHENS_MINIO_ACCESS_KEY_ID; required
	Secret    string // ATHENS_MINIO_SECRET_ACCESS_KEY; required
	Bucket    string // ATHENS_MINIO_BUCKET_NAME; required
	Region    string // ATHENS_MINIO_REGION; "" asks the service
	EnableSSL bool   // ATHENS_MINIO_USE_SSL: TLS
}

const (
	minioEndpoint    = "Storage.Minio.Endpoint (ATHENS_MINIO_ENDPOINT)"
	minioCredentials = "Storage.Minio.Key and Secret (ATHENS_MINIO_ACCESS_KEY_ID, ATHENS_MINIO_SECRET_ACCESS_KEY)"
	minioBucket      = "Storage.Minio.Bucket (ATHENS_MINIO_BUCKET_NAME)"
	minioRegion      = "Storage.Minio.Region (ATHENS_MINIO_REGION)"
	minioTLS         = "Storage.Minio.EnableSSL (ATHENS_MINIO_USE_SSL)"
)

// OpenMinio returns the bucket as a tier. It checks the settings and asks nobody; see
// [Bucket.Check], which makes the bucket if it is missing.
func OpenMinio(_ context.Context, m Minio) (*Bucket, error) {
	o := m.Options.named("minio")
	c, err := m.client(o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name, err)
	}
	const any = "application/octet-stream"
	b := open(c, layout{dirs: true, types: map[tiers.Kind]string{tiers.Info: any, tiers.Mod: any, tiers.Zip: any}}, o)
	b.plain = &c.service.plain
	return b, nil
}

type minioClient struct {
	api     *minio.Core
	service service
	checked atomic.Bool // the bucket was there, or was made
}

func (m Minio) client(o Options) (*minioClient, error) {
	switch {
	case m.Endpoint == "":
		return nil, errors.New("no endpoint is named: set " + minioEndpoint)
	case m.Bucket == "":
		return nil, errors.New("no bucket is named: set " + minioBucket)
	case m.Key == "" || m.Secret == "":
		return nil, errors.New("no credentials are set: set " + minioCredentials)
	}
	host := strings.TrimPrefix(strings.TrimPrefix(m.Endpoint, "http://"), "https://")
	if _, err := endpointURL("http://"+host, minioEndpoint); err != nil {
		return nil, err
	}
	api, err := minio.NewCore(host, &minio.Options{
		Creds:      credentials.NewStaticV4(m.Key, m.Secret, ""),
		Secure:     m.EnableSSL,
		Transport:  transport(o.timeout()),
		Region:     m.Region,
		MaxRetries: attempts,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: mend %s", err, minioEndpoint)
	}
	return &minioClient{api: api, service: service{
		bucket: m.Bucket, region: m.Region, endpoint: host, said: minioSaid, name: o.Name, log: o.log(),
		keys: settings{minioBucket, minioRegion, minioEndpoint + " or " + minioTLS, minioCredentials},
	}}, nil
}

func minioSaid(err error) (status int, code, text string) {
	if r, ok := errors.AsType[minio.ErrorResponse](err); ok {
		return r.StatusCode, r.Code, r.Message
	}
	return 0, "", ""
}

// check makes the bucket if it is missing, the first time only: one that goes
// missing later is somebody's mistake, and not to be papered over.
func (c *minioClient) check(ctx context.Context) error {
	_, _, err := c.page(ctx, minio.ListObjectsOptions{MaxKeys: 1})
	if _, code, _ := minioSaid(err); code == "NoSuchBucket" && !c.checked.Load() {
		err = c.api.MakeBucket(ctx, c.service.bucket, minio.MakeBucketOptions{Region: c.service.region})
		if _, code, _ := minioSaid(err); code == "BucketAlreadyOwnedByYou" || code == "BucketAlreadyExists" {
			_, _, err = c.page(ctx, minio.ListObjectsOptions{MaxKeys: 1})
		}
	}
	if err == nil {
		c.checked.Store(true)
	}
	return c.service.refused(err)
}

func (c *minioClient) get(ctx context.Context, key string) (*object, error) {
	body, info, _, err := c.api.GetObject(ctx, c.service.bucket, key, minio.GetObjectOptions{})
	if absent(err) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, c.service.refused(err)
	}
	return &object{body: body, size: info.Size, modTime: info.LastModified}, nil
}

// absent reports whether the service said that there is no such object. The client
// says so too for any 404 without a document, as a proxy before the service answers.
func absent(err error) bool {
	r, ok := errors.AsType[minio.ErrorResponse](err)
	return ok && r.Code == "NoSuchKey" && r.XMLName.Local != ""
}

// create sends the object in one request, for the reasons that S3's has.
func (c *minioClient) create(ctx context.Context, key, contentType string, body *io.SectionReader) error {
	put := func(unlessThere bool) error {
		o := minio.PutObjectOptions{ContentType: contentType, DisableMultipart: true}
		if unlessThere {
			o.SetMatchETagExcept("*")
		}
		_, err := c.api.Client.PutObject(ctx, c.service.bucket, key, io.NewSectionReader(body, 0, body.Size()), body.Size(), o)
		return err
	}
	there := func() (bool, error) {
		_, err := c.api.StatObject(ctx, c.service.bucket, key, minio.StatObjectOptions{})
		if status, _, _ := minioSaid(err); status == http.StatusNotFound {
			return false, nil
		}
		return err == nil, err
	}
	return c.service.refused(c.service.create(ctx, body.Size(), put, there))
}

func (c *minioClient) remove(ctx context.Context, key string) error {
	return c.service.refused(c.api.RemoveObject(ctx, c.service.bucket, key, minio.RemoveObjectOptions{}))
}

func (c *minioClient) list(ctx context.Context, prefix, after string, limit int) (keys []string, more bool, err error) {
	keys, more, err = climb(prefix, after, limit, func(prefix, after string, limit int) ([]string, bool, error) {
		if limit < 1 || limit > maxList {
			limit = maxList
		}
		return c.page(ctx, minio.ListObjectsOptions{Prefix: prefix, StartAfter: after, MaxKeys: limit})
	})
	return keys, more, c.service.refused(err)
}

// page lists as many objects as o asks for, in one request unless the service gives
// fewer at a time.
func (c *minioClient) page(ctx context.Context, o minio.ListObjectsOptions) (keys []string, more bool, err error) {
	o.Recursive = true
	for info := range c.api.ListObjectsIter(ctx, c.service.bucket, o) {
		if info.Err != nil {
			return nil, false, info.Err
		}
		if keys = append(keys, info.Key); len(keys) == o.MaxKeys {
			return keys, true, nil
		}
	}
	return keys, false, ctx.Err() // of which the client says nothing
}
