package bucket_test

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modtier/modtier/locks/bucket"
	"github.com/modtier/modtier/locks/lockstest"
	store "github.com/modtier/modtier/tiers/bucket"
)

func TestOnTheWire(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p := p.at(t)
			t.Run("an object says who holds the lock, and is gone after the unlock", func(t *testing.T) { testWire(t, p) })
			t.Run("a lock is no file of a module", func(t *testing.T) { testUnlisted(t, p) })
			t.Run("an abandoned lock is taken over by the clock of the service", func(t *testing.T) { testClock(t, p) })
			t.Run("a later tag is another, also of what was written again", func(t *testing.T) { testTags(t, p) })
		})
	}
}

func testWire(t *testing.T, p place) {
	const name = "example.com/Wire@v1.0.0+incompatible"
	l := openObjects(t, p.open(t, p.addr), bucket.Config{Holder: "http://[::1]:3000"})
	_, unlock, err := l.Lock(lockstest.Within(t), name)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.keys(t); !slices.Equal(got, []string{"lease/" + name}) {
		t.Errorf("the bucket has %q", got)
	}
	want := regexp.MustCompile("^modtier lock 1\ntoken [A-Z2-7]{26}\nrenewal 0\nlease 15s\nholder http://\\[::1\\]:3000\n$")
	if got := p.read(t, "lease/"+name); !want.MatchString(got) {
		t.Errorf("the object says %q", got)
	}
	unlock()
	if got := p.keys(t); len(got) > 0 {
		t.Errorf("after the unlock the bucket has %q", got)
	}
}

func testUnlisted(t *testing.T, p place) {
	b := p.open(t, p.addr)
	l := openObjects(t, b, bucket.Config{})
	for _, name := range []string{"example.com/m@v1.0.0", "example.com/m/@v/v1.0.0.info", "example.com/m/v1.0.0/go.mod", "go.mod"} {
		_, unlock, err := l.Lock(lockstest.Within(t), name)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
	}
	if vs, next, err := b.Catalog(t.Context(), "", 10); err != nil || len(vs) > 0 || next != "" {
		t.Errorf("the catalog is %v, %q, %v", vs, next, err)
	}
	for _, path := range []string{"example.com/m", "lease/example.com/m", "lease"} {
		if vs, err := b.Versions(t.Context(), path); err != nil || len(vs) > 0 {
			t.Errorf("the versions of %s are %v, %v", path, vs, err)
		}
	}
}

// testClock asks the service through one that says another time than this machine.
func testClock(t *testing.T, p place) {
	for _, d := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		b := p.open(t, shifted(t, p.addr, d))
		holder := openObjects(t, b, bucket.Config{})
		held, unlock, err := holder.Lock(lockstest.Within(t), name)
		if err != nil {
			t.Fatal(err)
		}
		l := openObjects(t, b, bucket.Config{})
		if _, _, _, err := take(t, l, time.Second); !errors.Is(err, context.DeadlineExceeded) || held.Err() != nil {
			t.Errorf("it is held, and another got %v; held ended with %v", err, context.Cause(held))
		}
		unlock()
		p.put(t, key, strings.Replace(dead, "15s", "1s", 1))
		_, unlock, err = l.Lock(lockstest.Within(t), name)
		if err != nil {
			t.Error(err)
			continue
		}
		unlock()
	}
}

func testTags(t *testing.T, p place) {
	b, ctx := p.open(t, p.addr), t.Context()
	var tags []string
	tag := ""
	for _, content := range []string{"a", "b", "c"} {
		var err error
		if tag, err = b.WriteObject(ctx, "lease/tags", []byte(content), tag); err != nil || slices.Contains(tags, tag) {
			t.Fatalf("the tag after %q is %q, %v", tags, tag, err)
		}
		tags = append(tags, tag)
		if got, read, age, err := b.ReadObject(ctx, "lease/tags"); err != nil || string(got) != content || read != tag || age < 0 || age > 10*time.Second {
			t.Errorf("read %q, %q, an age of %v, %v", got, read, age, err)
		}
	}
	if err := b.RemoveObject(ctx, "lease/tags", ""); err != nil {
		t.Error(err)
	}
}

// shifted stands before a service and moves the times in its answers.
func shifted(t testing.TB, addr string, d time.Duration) string {
	t.Helper()
	s := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: addr})
			if r.In.Header.Get("Authorization") != "" {
				r.Out.Host = r.In.Host // which is signed
			}
		},
		ModifyResponse: func(r *http.Response) error {
			for _, h := range []string{"Date", "Last-Modified"} {
				if at, err := http.ParseTime(r.Header.Get(h)); err == nil {
					r.Header.Set(h, at.Add(d).UTC().Format(http.TimeFormat))
				}
			}
			return nil
		},
	})
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// A service that does not know a condition answers as if there were none.
func TestAServiceThatIgnoresConditionsIsFoundOut(t *testing.T) {
	for _, ignored := range []string{"If-None-Match", "If-Match"} {
		s := &careless{ignored: ignored, objects: make(map[string]string)}
		for what, b := range s.open(t) {
			_, _, _, err := take(t, openObjects(t, b, bucket.Config{}), time.Minute)
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s without %s: got %v, want ErrUnsupported", what, ignored, err)
			}
			if len(s.objects) > 0 {
				t.Errorf("%s without %s: it left %v", what, ignored, s.objects)
			}
		}
	}
}

// One that knows that it does not know them says so.
func TestAServiceThatRefusesConditionsIsUnsupported(t *testing.T) {
	s := &careless{refuses: true}
	for what, b := range s.open(t) {
		_, _, _, err := take(t, openObjects(t, b, bucket.Config{}), time.Minute)
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %v, want ErrUnsupported", what, err)
		}
	}
}

// A careless service speaks S3's protocol and looks at nothing but the key, and at
// conditions but for one.
type careless struct {
	ignored string
	refuses bool

	mu      sync.Mutex // guards objects
	objects map[string]string
}

// open returns a bucket there for each client.
func (c *careless) open(t *testing.T) map[string]*store.Bucket {
	t.Helper()
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	one, err := store.OpenS3(t.Context(), store.S3{Region: "r", Bucket: "bucket", Endpoint: s.URL, ForcePathStyle: true, Key: "k", Secret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	two, err := store.OpenMinio(t.Context(), store.Minio{Region: "r", Bucket: "bucket", Endpoint: strings.TrimPrefix(s.URL, "http://"), Key: "k", Secret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*store.Bucket{"s3": one, "minio": two}
}

func (c *careless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fail := func(status int, code string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
	}
	if c.refuses {
		fail(http.StatusNotImplemented, "NotImplemented")
		return
	}
	r.Header.Del(c.ignored)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		fail(http.StatusBadRequest, "IncompleteBody")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old, there := c.objects[r.URL.Path]
	tag := func(s string) string { return fmt.Sprintf("\"%x\"", md5.Sum([]byte(s))) }
	switch match := r.Header.Get("If-Match"); {
	case match != "" && match != tag(old), r.Header.Get("If-None-Match") != "" && there:
		fail(http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Method == http.MethodPut:
		c.objects[r.URL.Path] = string(body)
		w.Header().Set("ETag", tag(string(body)))
	case r.Method == http.MethodDelete:
		delete(c.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case !there:
		fail(http.StatusNotFound, "NoSuchKey")
	default:
		w.Header().Set("ETag", tag(old))
		io.WriteString(w, old)
	}
}
