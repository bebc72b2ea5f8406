package bucket_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/modtier/modtier/internal/servertest"
	"github.com/modtier/modtier/locks/lockstest"
	store "github.com/modtier/modtier/tiers/bucket"
)

// A place is a bucket on a real server. keys, read and remove know nothing of our
// code.
type place struct {
	addr   string // host and port
	name   string // of the bucket
	open   func(t testing.TB, addr string) *store.Bucket
	keys   func(t testing.TB) []string
	read   func(t testing.TB, key string) string
	put    func(t testing.TB, key, content string)
	remove func(t testing.TB, key string)
}

// places are where there are locks of objects, by the name of a test.
var places = []struct {
	name string
	at   func(t testing.TB) place
}{
	{"s3 on versitygw", func(t testing.TB) place { return amazon(t, "MODTIER_TEST_S3_URL", false) }},
	{"s3 on MinIO", func(t testing.TB) place { return amazon(t, "MODTIER_TEST_MINIO_URL", false) }},
	{"minio", func(t testing.TB) place { return amazon(t, "MODTIER_TEST_MINIO_URL", true) }},
	{"gcp", func(t testing.TB) place { return google(t, googleAddr(t)) }},
	{"gcp that compares generations", func(t testing.TB) place { return google(t, comparing(t, googleAddr(t))) }},
}

// newBucket makes the bucket of t, which is one, and dropped after it.
func newBucket(t testing.TB, create, drop func(name string) error) string {
	t.Helper()
	return lockstest.Shared(t, func() string {
		name := "modtier-" + strings.ToLower(rand.Text())
		if err := create(name); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := drop(name); err != nil {
				t.Errorf("removing the bucket, which is to be empty: %v", err)
			}
		})
		return name
	})
}

// amazon is a bucket of a server that speaks S3's protocol, reached with one client
// or the other.
func amazon(t testing.TB, variable string, asMinio bool) place {
	t.Helper()
	u, err := url.Parse(servertest.Server(t, variable))
	if err != nil || u.User == nil {
		t.Fatal("the address of the server is no URL with a key and a secret")
	}
	key := u.User.Username()
	secret, _ := u.User.Password()
	endpoint := "http://" + u.Host
	api := s3.New(s3.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, ""),
	})
	p := place{addr: u.Host}
	ctx := context.Background()
	name := newBucket(t, func(name string) error {
		_, err := api.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
		return err
	}, func(name string) error {
		for _, key := range p.keys(t) {
			p.remove(t, key)
		}
		_, err := api.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
		return err
	})
	p.name = name
	p.open = func(t testing.TB, addr string) *store.Bucket {
		t.Helper()
		var b *store.Bucket
		if asMinio {
			b, err = store.OpenMinio(t.Context(), store.Minio{Endpoint: addr, Bucket: name, Key: key, Secret: secret, Region: "us-east-1"})
		} else {
			b, err = store.OpenS3(t.Context(), store.S3{Region: "us-east-1", Bucket: name, Endpoint: "http://" + addr, ForcePathStyle: true, Key: key, Secret: secret})
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	p.keys = func(t testing.TB) (keys []string) {
		out, err := api.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &name})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range out.Contents {
			keys = append(keys, *o.Key)
		}
		return keys
	}
	p.read = func(t testing.TB, key string) string {
		out, err := api.GetObject(ctx, &s3.GetObjectInput{Bucket: &name, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		defer out.Body.Close()
		b, err := io.ReadAll(out.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	p.put = func(t testing.TB, key, content string) {
		if _, err := api.PutObject(ctx, &s3.PutObjectInput{Bucket: &name, Key: &key, Body: strings.NewReader(content)}); err != nil {
			t.Fatal(err)
		}
	}
	p.remove = func(t testing.TB, key string) {
		if _, err := api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func googleAddr(t testing.TB) string {
	return strings.TrimPrefix(servertest.Server(t, "MODTIER_TEST_GCS_URL"), "http://")
}

// google is a bucket of what stands for Google's.
func google(t testing.TB, addr string) place {
	t.Helper()
	p := place{addr: addr}
	ask := func(method, path, body string) ([]byte, error) {
		req, err := http.NewRequest(method, "http://"+addr+path, strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode >= 300 {
			err = fmt.Errorf("%s %s: %s", method, path, resp.Status)
		}
		return b, err
	}
	must := func(t testing.TB, method, path, body string) []byte {
		t.Helper()
		b, err := ask(method, path, body)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	name := newBucket(t, func(name string) error {
		_, err := ask("POST", "/storage/v1/b?project=test", `{"name":"`+name+`"}`)
		return err
	}, func(name string) error {
		for _, key := range p.keys(t) {
			p.remove(t, key)
		}
		_, err := ask("DELETE", "/storage/v1/b/"+name, "")
		return err
	})
	objects := "/storage/v1/b/" + name + "/o"
	p.name = name
	p.open = func(t testing.TB, addr string) *store.Bucket {
		t.Helper()
		b, err := store.OpenGCS(t.Context(), store.GCS{Bucket: name, Endpoint: "http://" + addr})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	p.keys = func(t testing.TB) (keys []string) {
		var list struct{ Items []struct{ Name string } }
		if err := json.NewDecoder(bytes.NewReader(must(t, "GET", objects, ""))).Decode(&list); err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Items {
			keys = append(keys, o.Name)
		}
		return keys
	}
	p.read = func(t testing.TB, key string) string {
		return string(must(t, "GET", objects+"/"+url.PathEscape(key)+"?alt=media", ""))
	}
	p.put = func(t testing.TB, key, content string) {
		must(t, "POST", "/upload"+objects+"?uploadType=media&name="+url.QueryEscape(key), content)
	}
	p.remove = func(t testing.TB, key string) { must(t, "DELETE", objects+"/"+url.PathEscape(key), "") }
	return p
}
