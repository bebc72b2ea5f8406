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

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestAzureReadsWhatAthensWrote(t *testing.T) {
	t.Parallel()
	s := azureServerFor(t)
	name := s.container(t)
	f := tierstest.Version(cased, "a")
	for _, k := range tierstest.Kinds {
		s.put(t, name, "github.com/Azure/Foo/@v/v1.0.1-RC1."+k.String(), azureTypes[k], string(tierstest.Bytes(f, k)))
	}
	s.put(t, name, "github.com/Azure/Foo/@v/v1.2.0.info", "application/json", `{"Version":"v1.2.0"}`) // Athens writes in no order
	s.put(t, name, "lease/github.com/Azure/Foo@v1.0.1-RC1", "application/octet-stream", "\x01")
	s.put(t, name, "lease/github.com/Azure/Foo@v1.3.0", "application/octet-stream", "\x01")
	store := s.open(t, name)
	tierstest.Holds(t, store, cased, f)
	tierstest.Lists(t, store, cased.Path, cased.Version)
	tierstest.Catalogs(t, store, 1, []module.Version{cased})
}

func TestAzureWritesWhatAthensWrites(t *testing.T) {
	t.Parallel()
	s := azureServerFor(t)
	for _, single := range []int64{256 << 20, 100} {
		name := s.container(t)
		f := tierstest.Version(cased, "a")
		store := s.open(t, name)
		store.client.(*azure).single, store.client.(*azure).block = single, 64
		if err := store.Save(t.Context(), cased, f); err != nil {
			t.Fatal(err)
		}
		all := s.all(t, name)
		for key, want := range map[string]struct {
			kind        tiers.Kind
			contentType string
		}{
			"github.com/Azure/Foo/@v/v1.0.1-RC1.info": {tiers.Info, "application/json"},
			"github.com/Azure/Foo/@v/v1.0.1-RC1.mod":  {tiers.Mod, "text/plain"},
			"github.com/Azure/Foo/@v/v1.0.1-RC1.zip":  {tiers.Zip, "application/octet-stream"},
		} {
			r, err := s.api(t, name).NewBlobClient(key).DownloadStream(t.Context(), nil)
			if err != nil {
				t.Errorf("%s: %v", key, err)
				continue
			}
			got, err := io.ReadAll(r.Body)
			r.Body.Close()
			if err != nil || !bytes.Equal(got, tierstest.Bytes(f, want.kind)) {
				t.Errorf("%s: got %q, error %v, want the file saved", key, got, err)
			}
			if all[key] != want.contentType || len(r.Metadata) > 0 || *r.BlobType != "BlockBlob" {
				t.Errorf("%s: got type %q, metadata %v, a %s, want only type %q, a BlockBlob", key, all[key], r.Metadata, *r.BlobType, want.contentType)
			}
			delete(all, key)
		}
		for key := range all {
			t.Errorf("%s is there, too", key)
		}
	}
}

func TestAzureCreatesInBlocksBesideAnothersOfOtherForm(t *testing.T) {
	t.Parallel()
	s := azureServerFor(t)
	name := s.container(t)
	s.put(t, name, "key", "text/plain", strings.Repeat("x", 3<<20)) // in blocks with names of another length
	b := s.open(t, name)
	b.client.(*azure).single = 0
	if err := b.client.create(t.Context(), "key", "text/plain", tierstest.Section([]byte("y"))); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create: got error %v, want fs.ErrExist", err)
	}
}

// azureSaying opens a container at a server that h is.
func azureSaying(t *testing.T, h http.HandlerFunc) *Bucket {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	b, err := OpenAzure(t.Context(), Azure{AccountName: "account", AccountKey: "c2VjcmV0", ContainerName: "modules", Endpoint: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func azureStatus(code int, word string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Ms-Error-Code", word)
		w.WriteHeader(code)
	}
}

func TestAzureAnswersMeanWhatTheySay(t *testing.T) {
	t.Parallel()
	section := tierstest.Section([]byte("x"))
	for _, c := range []struct {
		code                int
		word                string
		absent, there, gone bool // what get, create and remove make of it
	}{
		{404, "BlobNotFound", true, false, true},
		{404, "ContainerNotFound", false, false, false},
		{404, "ResourceNotFound", false, false, false},
		{404, "", false, false, false},
		{409, "BlobAlreadyExists", false, true, false},
		{412, "ConditionNotMet", false, true, false},
		{412, "LeaseIdMissing", false, false, false},
		{409, "ContainerBeingDeleted", false, false, false},
		{403, "AuthorizationFailure", false, false, false},
	} {
		b := azureSaying(t, azureStatus(c.code, c.word))
		if _, err := b.client.get(t.Context(), "key"); err == nil || errors.Is(err, fs.ErrNotExist) != c.absent {
			t.Errorf("get, %d %s: got error %v, want an absence: %v", c.code, c.word, err, c.absent)
		}
		if err := b.client.create(t.Context(), "key", "text/plain", section); err == nil || errors.Is(err, fs.ErrExist) != c.there {
			t.Errorf("create, %d %s: got error %v, want fs.ErrExist: %v", c.code, c.word, err, c.there)
		}
		if err := b.client.remove(t.Context(), "key"); (err == nil) != c.gone {
			t.Errorf("remove, %d %s: got error %v, want none: %v", c.code, c.word, err, c.gone)
		}
	}
}

func TestAzureStartsAListWhereTheLastOneEnded(t *testing.T) {
	t.Parallel()
	var queries atomic.Value
	names := "<Blob><Name>b</Name></Blob><Blob><Name>c</Name></Blob>"
	b := azureSaying(t, func(w http.ResponseWriter, r *http.Request) {
		queries.Store(r.URL.Query())
		w.Header().Set("Content-Type", "application/xml")
		fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>%s</Blobs><NextMarker/></EnumerationResults>`, names)
	})
	keys, more, err := b.client.list(t.Context(), "", "b", 5)
	if err != nil || len(keys) != 1 || keys[0] != "c" || more {
		t.Errorf("list: got %q, more %v, error %v, want c", keys, more, err)
	}
	q := queries.Load().(interface{ Get(string) string })
	if q.Get("startFrom") != "b" || q.Get("maxresults") != "6" {
		t.Errorf("query: got %v, want startFrom=b and maxresults=6", q)
	}
	names = "<Blob><Name>a/b</Name></Blob><Blob><Name>a-b</Name></Blob>"
	if keys, _, err := b.client.list(t.Context(), "", "", 0); err == nil {
		t.Errorf("list of names in disorder: got %q and no error, want one", keys)
	}
}

func TestAzureReadThatBreaksGoesOnOrIsAnError(t *testing.T) {
	t.Parallel()
	for _, heals := range []bool{true, false} {
		var requests atomic.Int32
		b := azureSaying(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"1"`)
			switch n := requests.Add(1); {
			case n == 1:
				w.Header().Set("Content-Length", "8")
				fmt.Fprint(w, "half")
				http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			case !heals:
				azureStatus(http.StatusPreconditionFailed, "ConditionNotMet")(w, r)
			default:
				if got := r.Header.Get("If-Match") + r.Header.Get("X-Ms-Range"); got != `"1"bytes=4-7` && got != `"1"bytes=4-` {
					t.Errorf("the second request: got %s, want the rest of the same blob", got)
				}
				w.Header().Set("Content-Range", "bytes 4-7/8")
				w.WriteHeader(http.StatusPartialContent)
				fmt.Fprint(w, "half")
			}
		})
		o, err := b.client.get(t.Context(), "key")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(o.body)
		o.body.Close()
		if heals && (err != nil || string(got) != "halfhalf") {
			t.Errorf("read: got %q, error %v, want both halves", got, err)
		}
		if !heals && (err == nil || errors.Is(err, fs.ErrNotExist)) {
			t.Errorf("read: got %q, error %v, want an error", got, err)
		}
	}
}

func TestAzureGivesUpSoon(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	b := azureSaying(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		azureStatus(http.StatusServiceUnavailable, "ServerBusy")(w, r)
	})
	for name, call := range map[string]func(ctx context.Context) error{
		"get":    func(ctx context.Context) error { _, err := b.client.get(ctx, "key"); return err },
		"list":   func(ctx context.Context) error { _, _, err := b.client.list(ctx, "", "", 0); return err },
		"remove": func(ctx context.Context) error { return b.client.remove(ctx, "key") },
		"create": func(ctx context.Context) error {
			return b.client.create(ctx, "key", "text/plain", tierstest.Section(content(2<<20, 0)))
		},
	} {
		requests.Store(0)
		if err := call(t.Context()); err == nil || err.Error() != "the service answered 503: ServerBusy" {
			t.Errorf("%s: got error %v, want one that says 503", name, err)
		}
		if n := requests.Load(); n != attempts {
			t.Errorf("%s: got %d requests, want %d", name, n, attempts)
		}
	}
}
