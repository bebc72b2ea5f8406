package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/storage"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

var cased = module.Version{Path: "github.com/Azure/Foo", Version: "v1.0.1-RC1"}

func TestGCSReadsWhatAthensWrote(t *testing.T) {
	t.Parallel()
	s := gcsServerFor(t)
	b := s.bucket(t)
	f := tierstest.Version(cased, "a")
	for _, k := range tierstest.Kinds {
		attrs := storage.ObjectAttrs{Name: "github.com/Azure/Foo/@v/v1.0.1-RC1." + k.String()} // the type is sniffed, as Athens has it
		if k == tiers.Mod {
			attrs.Metadata = map[string]string{"in_progress": "true"}
		}
		s.put(t, b, attrs, string(tierstest.Bytes(f, k)))
	}
	s.put(t, b, storage.ObjectAttrs{Name: "github.com/Azure/Foo/@v/v1.2.0.mod", Metadata: map[string]string{"in_progress": "true"}}, "module github.com/Azure/Foo\n")
	s.put(t, b, storage.ObjectAttrs{Name: "somebody/else's.info"}, "{}")
	store := s.open(t, b.BucketName())
	tierstest.Holds(t, store, cased, f)
	tierstest.Lists(t, store, cased.Path, cased.Version)
	tierstest.Catalogs(t, store, 1, []module.Version{cased})
}

func TestGCSWritesWhatAthensWrites(t *testing.T) {
	t.Parallel()
	s := gcsServerFor(t)
	b := s.bucket(t)
	f := tierstest.Version(cased, "a")
	if err := s.open(t, b.BucketName()).Save(t.Context(), cased, f); err != nil {
		t.Fatal(err)
	}
	all := s.all(t, b)
	for name, want := range map[string]struct {
		kind        tiers.Kind
		contentType string
	}{
		"github.com/Azure/Foo/@v/v1.0.1-RC1.info": {tiers.Info, "text/plain; charset=utf-8"},
		"github.com/Azure/Foo/@v/v1.0.1-RC1.mod":  {tiers.Mod, "text/plain; charset=utf-8"},
		"github.com/Azure/Foo/@v/v1.0.1-RC1.zip":  {tiers.Zip, "application/zip"},
	} {
		r, err := b.Object(name).NewReader(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(got, tierstest.Bytes(f, want.kind)) {
			t.Errorf("%s: got %q, error %v, want the file saved", name, got, err)
		}
		attrs := all[name]
		if attrs.ContentType != want.contentType || len(attrs.Metadata) > 0 || attrs.CacheControl != "" {
			t.Errorf("%s: got type %q, metadata %v, cache control %q, want only type %q", name, attrs.ContentType, attrs.Metadata, attrs.CacheControl, want.contentType)
		}
		delete(all, name)
	}
	for name := range all {
		t.Errorf("%s is there, too", name)
	}
}

func TestGCSStoresNothingOfAFileThatChangesWhileItIsSent(t *testing.T) {
	t.Parallel()
	s := gcsServerFor(t)
	c := s.open(t, s.bucket(t).BucketName()).client
	for _, n := range sizes[2:] {
		key := fmt.Sprint(n)
		want := content(n, 0)
		r := &breaking{b: want, skip: 1, event: func(p []byte) (int, error) { clear(p); return len(p), nil }}
		if err := c.create(t.Context(), key, "text/plain", io.NewSectionReader(r, 0, int64(n))); err == nil {
			t.Errorf("create %d bytes that are others when they are sent: got no error, want one", n)
		}
		if got, err := read(t, c, key); err != fs.ErrNotExist {
			t.Errorf("get: got %d bytes, error %v, want fs.ErrNotExist", len(got), err)
		}
	}
}

// gcsSaying opens a bucket at a server that h is.
func gcsSaying(t *testing.T, g GCS, h http.HandlerFunc) *Bucket {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	g.Bucket, g.Endpoint = "modules", s.URL
	b, err := OpenGCS(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGCSTellsAMissingObjectFromAMissingBucket(t *testing.T) {
	t.Parallel()
	ref := tiers.Ref{Path: "example.com/a", Version: "v1.0.0", Kind: tiers.Mod}
	for code, want := range map[string]bool{"NoSuchKey": true, "NoSuchBucket": false} {
		var requests atomic.Int32
		b := gcsSaying(t, GCS{}, func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, "<?xml version='1.0' encoding='UTF-8'?><Error><Code>%s</Code><Message>It does not exist.</Message></Error>", code)
		})
		_, err := b.Open(t.Context(), ref)
		if errors.Is(err, fs.ErrNotExist) != want || err == nil {
			t.Errorf("open of %s: got error %v, want an absence: %v", code, err, want)
		}
		if n := requests.Load(); n != 1 {
			t.Errorf("open of %s: got %d requests, want 1", code, n)
		}
	}
	s := gcsServerFor(t) // which says nothing of either
	b := s.open(t, newName())
	if _, err := b.Open(t.Context(), ref); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "ATHENS_STORAGE_GCP_BUCKET") {
		t.Errorf("open in a missing bucket: got error %v, want one that names ATHENS_STORAGE_GCP_BUCKET and is no absence", err)
	}
	if _, err := b.Versions(t.Context(), "example.com/a"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("versions in a missing bucket: got error %v, want one that is no absence", err)
	}
}

func TestGCSReadThatBreaksIsAnError(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	b := gcsSaying(t, GCS{}, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) > 1 {
			http.Error(w, "gone", http.StatusGone)
			return
		}
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	o, err := b.client.get(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	defer o.body.Close()
	if got, err := io.ReadAll(o.body); err == nil || string(got) != "half" {
		t.Errorf("read: got %q, error %v, want %q and an error", got, err, "half")
	}
}

func TestGCSGivesUpSoon(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	b := gcsSaying(t, GCS{}, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		http.Error(w, "busy", http.StatusServiceUnavailable)
	})
	for name, call := range map[string]func(ctx context.Context) error{
		"get":    func(ctx context.Context) error { _, err := b.client.get(ctx, "key"); return err },
		"list":   func(ctx context.Context) error { _, _, err := b.client.list(ctx, "", "", 0); return err },
		"remove": func(ctx context.Context) error { return b.client.remove(ctx, "key") },
		"create": func(ctx context.Context) error {
			return b.client.create(ctx, "key", "text/plain", tierstest.Section([]byte("x")))
		},
		"create of many chunks": func(ctx context.Context) error {
			return b.client.create(ctx, "key", "text/plain", tierstest.Section(content(2*gcsChunk, 0)))
		},
	} {
		requests.Store(0)
		if err := call(t.Context()); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("%s: got error %v, want one that says 503", name, err)
		}
		if n := requests.Load(); n != attempts {
			t.Errorf("%s: got %d requests, want %d", name, n, attempts)
		}
	}
}
