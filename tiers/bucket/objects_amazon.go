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
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/minio-go/v7"
)

// unmet returns the error of a request with a condition: fs.ErrExist if that is not
// so. Amazon answers a conflict, too, to one of two at the same moment.
func (s *service) unmet(err error) error {
	status, code, _ := s.said(err)
	switch {
	case status == http.StatusPreconditionFailed, status == http.StatusConflict, status == http.StatusNotFound && code == "NoSuchKey":
		return fs.ErrExist
	case status == http.StatusNotImplemented, code == "NotImplemented":
		return fmt.Errorf("the service does not know the condition of a write: %w", errors.ErrUnsupported)
	}
	return s.refused(err)
}

func (c *s3Client) read(ctx context.Context, key string) (o *object, tag string, now time.Time, err error) {
	out, err := c.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &c.service.bucket, Key: &key})
	if _, ok := errors.AsType[*types.NoSuchKey](err); ok {
		return nil, "", now, fs.ErrNotExist
	}
	if err != nil {
		return nil, "", now, c.service.refused(err)
	}
	now, _ = awsmiddleware.GetServerTime(out.ResultMetadata)
	return &object{body: out.Body, size: -1, modTime: aws.ToTime(out.LastModified)}, aws.ToString(out.ETag), now, nil
}

func (c *s3Client) write(ctx context.Context, key string, body *io.SectionReader, tag string) (newTag string, err error) {
	in := &s3.PutObjectInput{
		Bucket: &c.service.bucket, Key: &key, ContentType: aws.String(objectType),
		Body: body, ContentLength: aws.Int64(body.Size()),
	}
	if tag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &tag
	}
	out, err := c.api.PutObject(ctx, in)
	if err != nil {
		return "", c.service.unmet(err)
	}
	return aws.ToString(out.ETag), nil
}

func (c *s3Client) removeIf(ctx context.Context, key, tag string) error {
	in := &s3.DeleteObjectInput{Bucket: &c.service.bucket, Key: &key}
	if tag != "" {
		in.IfMatch = &tag
	}
	_, err := c.api.DeleteObject(ctx, in)
	if _, code, _ := s3Said(err); err == nil || code == "NoSuchKey" {
		return nil
	}
	return c.service.unmet(err)
}

func (c *minioClient) read(ctx context.Context, key string) (o *object, tag string, now time.Time, err error) {
	body, info, header, err := c.api.GetObject(ctx, c.service.bucket, key, minio.GetObjectOptions{})
	if absent(err) {
		return nil, "", now, fs.ErrNotExist
	}
	if err != nil {
		return nil, "", now, c.service.refused(err)
	}
	now, err = http.ParseTime(header.Get("Date"))
	if err != nil {
		now = time.Time{} // it does not say
	}
	return &object{body: body, size: info.Size, modTime: info.LastModified}, info.ETag, now, nil
}

func (c *minioClient) write(ctx context.Context, key string, body *io.SectionReader, tag string) (newTag string, err error) {
	o := minio.PutObjectOptions{ContentType: objectType, DisableMultipart: true}
	if tag == "" {
		o.SetMatchETagExcept("*")
	} else {
		o.SetMatchETag(tag)
	}
	out, err := c.api.Client.PutObject(ctx, c.service.bucket, key, body, body.Size(), o)
	if err != nil {
		return "", c.service.unmet(err)
	}
	return out.ETag, nil
}

// removeIf knows no condition: the SDK has no way to say it.
func (c *minioClient) removeIf(ctx context.Context, key, tag string) error {
	if tag == "" {
		return c.remove(ctx, key)
	}
	return fmt.Errorf("removing an object on condition: %w", errors.ErrUnsupported)
}
