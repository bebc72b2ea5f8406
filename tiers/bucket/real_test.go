package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// A server is a real one, and api what a test sees it with: the bare SDK.
type server struct {
	endpoint, host, key, secret string
	api                         *s3.Client
}

// serverAt returns the server of a URL that holds the key and the secret.
func serverAt(t testing.TB, address string) server {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		t.Fatal("the address of the server is no URL with a key and a secret")
	}
	secret, _ := u.User.Password()
	s := server{endpoint: u.Scheme + "://" + u.Host, host: u.Host, key: u.User.Username(), secret: secret}
	s.api = s3.New(s3.Options{
		BaseEndpoint: &s.endpoint, Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s.key, s.secret, ""),
	})
	return s
}

// s3 returns the settings of a bucket there.
func (s server) s3(bucket string) S3 {
	return S3{Region: "us-east-1", Bucket: bucket, Endpoint: s.endpoint, ForcePathStyle: true, Key: s.key, Secret: s.secret}
}

func (s server) minio(bucket string) Minio {
	return Minio{Endpoint: s.endpoint, Bucket: bucket, Key: s.key, Secret: s.secret, Region: "us-east-1"}
}

func newName() string { return "modtier-" + strings.ToLower(rand.Text()) }

// bucket makes a bucket for the time of a test.
func (s server) bucket(t testing.TB) string {
	t.Helper()
	name := newName()
	if _, err := s.api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.drop(t, name) })
	return name
}

// drop removes a bucket with all that is in it.
func (s server) drop(t testing.TB, bucket string) {
	ctx := context.WithoutCancel(t.Context())
	for {
		out, err := s.api.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket})
		if err != nil {
			t.Errorf("emptying the bucket: %v", err)
			return
		}
		if len(out.Contents) == 0 {
			break
		}
		var all []types.ObjectIdentifier
		for _, o := range out.Contents {
			all = append(all, types.ObjectIdentifier{Key: o.Key})
		}
		if _, err := s.api.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: all, Quiet: aws.Bool(true)}}); err != nil {
			t.Errorf("emptying the bucket: %v", err)
			return
		}
	}
	if _, err := s.api.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket}); err != nil {
		t.Errorf("removing the bucket: %v", err)
	}
}

// put makes an object without any of our code.
func (s server) put(t testing.TB, bucket, key, contentType string, content []byte) {
	t.Helper()
	_, err := s.api.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, ContentType: &contentType, Body: bytes.NewReader(content),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A stored is an object as the bare SDK sees it.
type stored struct{ contentType, content string }

// all returns all objects of a bucket.
func (s server) all(t testing.TB, bucket string) map[string]stored {
	t.Helper()
	all := make(map[string]stored)
	out, err := s.api.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range out.Contents {
		got, err := s.api.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: o.Key})
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(got.Body)
		got.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		all[*o.Key] = stored{aws.ToString(got.ContentType), string(b)}
	}
	return all
}

// putInParts makes an object as transfer managers do.
func (s server) putInParts(t testing.TB, bucket, key string, content *io.SectionReader) {
	t.Helper()
	up, err := s.api.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: &bucket, Key: &key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	})
	if err != nil {
		t.Fatal(err)
	}
	const size = 5 << 20
	var parts []types.CompletedPart
	for off := int64(0); off < content.Size(); off += size {
		n := aws.Int32(int32(len(parts) + 1))
		p, err := s.api.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: &bucket, Key: &key, UploadId: up.UploadId, PartNumber: n,
			ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
			Body:              io.NewSectionReader(content, off, min(size, content.Size()-off)),
		})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{PartNumber: n, ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32})
	}
	_, err = s.api.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: &bucket, Key: &key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	if err != nil {
		t.Fatal(err)
	}
}
