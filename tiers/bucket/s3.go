package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/modtier/modtier/tiers"
)

// S3 is a bucket of Amazon S3, or of a service that speaks its protocol. The fields
// are Athens' keys of [Storage.S3].
type S3 struct {
	Options Options

	Region string // AWS_REGION; required unless UseDefaultConfiguration finds one
	Bucket string // ATHENS_S3_BUCKET_NAME; required

	Endpoint       string // AWS_ENDPOINT, a URL; "" is Amazon's for Region
	ForcePathStyle bool   // AWS_FORCE_PATH_STYLE: the bucket is named in the path, not in the host

	// UseDefaultConfiguration (AWS_USE_DEFAULT_CONFIGURATION) takes credentials
	// from where Amazon's tools find them: the environment, shared files, web
	// identity, container and instance roles. The fields below are not used then.
	UseDefaultConfiguration bool

	// The credentials endpoint (AWS_CREDENTIALS_ENDPOINT, followed at once by
	// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) is asked first. "" is none.
	CredentialsEndpoint                string
	AwsContainerCredentialsRelativeURI string

	// The static ones are used if it is not given, or does not answer.
	Key    string // AWS_ACCESS_KEY_ID
	Secret string // AWS_SECRET_ACCESS_KEY
	Token  string // AWS_SESSION_TOKEN; "" is none
}

const (
	s3Bucket      = "Storage.S3.Bucket (ATHENS_S3_BUCKET_NAME)"
	s3Region      = "Storage.S3.Region (AWS_REGION)"
	s3Endpoint    = "Storage.S3.Endpoint (AWS_ENDPOINT)"
	s3Credentials = "Storage.S3.CredentialsEndpoint (AWS_CREDENTIALS_ENDPOINT)"
	s3Default     = "Storage.S3.UseDefaultConfiguration (AWS_USE_DEFAULT_CONFIGURATION)"
	s3Static      = "Storage.S3.Key, Secret and Token (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)"
)

// OpenS3 returns the bucket as a tier. It checks the settings and asks nobody; see
// [Bucket.Check].
func OpenS3(ctx context.Context, s S3) (*Bucket, error) {
	o := s.Options.named("s3")
	c, err := s.client(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name, err)
	}
	b := open(c, layout{types: map[tiers.Kind]string{
		tiers.Info: "application/json",
		tiers.Mod:  "text/plain",
		tiers.Zip:  "application/octet-stream",
	}}, o)
	b.plain = &c.service.plain
	return b, nil
}

type s3Client struct {
	api     *s3.Client
	service service
}

func (s S3) client(ctx context.Context, o Options) (*s3Client, error) {
	if s.Bucket == "" {
		return nil, errors.New("no bucket is named: set " + s3Bucket)
	}
	c := &s3Client{service: service{
		bucket: s.Bucket, region: s.Region, endpoint: "Amazon S3", said: s3Said, name: o.Name, log: o.log(),
		keys: settings{s3Bucket, s3Region, s3Endpoint, s3Static},
	}}
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			*t = *transport(o.timeout())
		})),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(r *retry.StandardOptions) {
				r.MaxAttempts = attempts
				r.Backoff = retry.BackoffDelayerFunc(func(try int, _ error) (time.Duration, error) {
					return jittered(100 * time.Millisecond << try), nil
				})
			})
		}),
	}
	if s.Region != "" {
		load = append(load, config.WithRegion(s.Region))
	}
	if s.UseDefaultConfiguration {
		c.service.keys.credentials = "the credentials of the default configuration, or unset " + s3Default
	} else {
		chain, keys, err := s.credentials(o)
		if err != nil {
			return nil, err
		}
		c.service.keys.credentials = keys
		load = append(load, config.WithCredentialsProvider(chain))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		return nil, errors.New("no region is named: set " + s3Region)
	}
	c.service.region = cfg.Region
	if s.UseDefaultConfiguration && cfg.Credentials != nil {
		cfg.Credentials = aws.NewCredentialsCache(&chain{[]aws.CredentialsProvider{cfg.Credentials}})
	}
	if s.Endpoint != "" {
		u, err := endpointURL(s.Endpoint, s3Endpoint)
		if err != nil {
			return nil, err
		}
		c.service.endpoint = u.Host
	}
	c.api = s3.NewFromConfig(cfg, func(o *s3.Options) {
		if s.Endpoint != "" {
			o.BaseEndpoint = &s.Endpoint
		}
		o.UsePathStyle = s.ForcePathStyle
		// Athens' large zips have a checksum of checksums, which nobody can check
		// on reading. That is no news for each of them.
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	return c, nil
}

// s3Said returns the status and the code of an answer.
func s3Said(err error) (status int, code, text string) {
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && r.Response != nil {
		status = r.HTTPStatusCode()
	}
	if a, ok := errors.AsType[smithy.APIError](err); ok && status != 0 {
		code, text = a.ErrorCode(), a.ErrorMessage()
	}
	return status, code, text
}

func (c *s3Client) check(ctx context.Context) error {
	_, err := c.api.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &c.service.bucket, MaxKeys: aws.Int32(1)})
	return c.service.refused(err)
}

func (c *s3Client) get(ctx context.Context, key string) (*object, error) {
	out, err := c.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &c.service.bucket, Key: &key})
	if _, ok := errors.AsType[*types.NoSuchKey](err); ok {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, c.service.refused(err)
	}
	o := &object{body: out.Body, size: -1, modTime: aws.ToTime(out.LastModified)}
	if out.ContentLength != nil {
		o.size = *out.ContentLength
	}
	return o, nil
}

// create sends the object in one request, whatever its size: S3 takes 5 GiB so, and
// a zip of a module has less. As the body can be read again, that takes no memory;
// it either is there or is not, and leaves no parts to pay for if we die.
func (c *s3Client) create(ctx context.Context, key, contentType string, body *io.SectionReader) error {
	put := func(unlessThere bool) error {
		in := &s3.PutObjectInput{
			Bucket: &c.service.bucket, Key: &key, ContentType: &contentType,
			Body: io.NewSectionReader(body, 0, body.Size()), ContentLength: aws.Int64(body.Size()),
		}
		if unlessThere {
			in.IfNoneMatch = aws.String("*")
		}
		_, err := c.api.PutObject(ctx, in)
		return err
	}
	there := func() (bool, error) {
		_, err := c.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &c.service.bucket, Key: &key})
		if status, _, _ := s3Said(err); status == http.StatusNotFound {
			return false, nil
		}
		return err == nil, err
	}
	return c.service.refused(c.service.create(ctx, body.Size(), put, there))
}

func (c *s3Client) remove(ctx context.Context, key string) error {
	_, err := c.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &c.service.bucket, Key: &key})
	return c.service.refused(err)
}

func (c *s3Client) list(ctx context.Context, prefix, after string, limit int) (keys []string, more bool, err error) {
	if c.api.Options().BaseEndpoint == nil { // Amazon's own
		return c.page(ctx, prefix, after, limit)
	}
	return climb(prefix, after, limit, func(prefix, after string, limit int) ([]string, bool, error) {
		return c.page(ctx, prefix, after, limit)
	})
}

func (c *s3Client) page(ctx context.Context, prefix, after string, limit int) (keys []string, more bool, err error) {
	in := &s3.ListObjectsV2Input{Bucket: &c.service.bucket}
	if limit > 0 && limit < maxList {
		in.MaxKeys = aws.Int32(int32(limit))
	}
	if prefix != "" {
		in.Prefix = &prefix
	}
	if after != "" {
		in.StartAfter = &after
	}
	out, err := c.api.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, false, c.service.refused(err)
	}
	for _, o := range out.Contents {
		keys = append(keys, aws.ToString(o.Key))
	}
	return keys, aws.ToBool(out.IsTruncated), nil
}
