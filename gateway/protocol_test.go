package gateway_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

const (
	plain   = "text/plain; charset=utf-8"
	forEver = "public, max-age=31536000, immutable"
)

// routes are all paths that a gateway answers, and how.
var routes = []struct {
	path        string
	contentType string
	cacheable   string // Cache-Control up to the age, which is that of the answer
	body        string
}{
	{"/example.com/hot/@v/v1.0.0.info", "application/json", forEver, string(hotFiles.Info)},
	{hotMod, plain, forEver, string(hotFiles.Mod)},
	{hotZip, "application/zip", forEver, string(tierstest.Bytes(hotFiles, tiers.Zip))},
	{"/cached-only/example.com/hot/@v/v1.0.0.mod", plain, forEver, string(hotFiles.Mod)},
	{"/example.com/hot/@v/list", plain, "public, max-age=", "v1.0.0\n"},
	{"/example.com/hot/@latest", "application/json", "public, max-age=", string(hotFiles.Info)},
	{"/example.com/hot/@v/main.info", "application/json", "public, max-age=", string(hotFiles.Info)},
	{"/sumdb/sum.example.com/supported", plain, "public, max-age=60", ""},
	{"/sumdb/sum.example.com/latest", plain, "public, max-age=", signed},
	{"/", plain, "no-store", "This is modtier.\n"},
	{"/healthz", plain, "no-store", "ok\n"},
	{"/readyz", plain, "no-store", "ready\n"},
	{"/version", "application/json", "no-store", `{"version":"test"}` + "\n"},
	{"/robots.txt", plain, "no-store", "User-agent: *\nDisallow: /\n"},
}

func withSumDB(s *site) {
	s.origin.set("/sumdb/sum.example.com/supported", speak(200, ""))
	s.origin.set("/sumdb/sum.example.com/latest", speak(200, signed))
}

func TestEveryRoute(t *testing.T) {
	s := newSite(t, withSumDB).warm(t)
	for _, route := range routes {
		t.Run(route.path, func(t *testing.T) {
			got := s.get(t, route.path).is(t, 200).has(t, "Content-Type", route.contentType).says(t, route.body)
			if control := got.header.Get("Cache-Control"); !strings.HasPrefix(control, route.cacheable) {
				t.Errorf("Cache-Control: got %q, want %q", control, route.cacheable)
			}
			head := s.ask(t, "HEAD", route.path).is(t, 200).says(t, "")
			for _, name := range []string{"Content-Type", "Content-Length", "ETag", "Last-Modified", "Accept-Ranges"} {
				head.has(t, name, got.header.Get(name))
			}
			if head.header.Get("Content-Length") == "" {
				t.Error("HEAD does not tell the length")
			}
		})
	}
	t.Run("/metrics", func(t *testing.T) {
		if got := s.get(t, "/metrics").is(t, 200); !strings.Contains(got.body, "modtier_requests_total") {
			t.Errorf("it has no series of ours: %.300q", got.body)
		}
		s.ask(t, "HEAD", "/metrics").is(t, 200).says(t, "")
	})
}

func TestHEADOfAColdFileTellsItsLength(t *testing.T) {
	for _, kind := range tierstest.Kinds {
		s := newSite(t)
		want := len(tierstest.Bytes(hotFiles, kind))
		head := s.ask(t, "HEAD", filePath(hot, kind)).is(t, 200).says(t, "")
		if got := head.header.Get("Content-Length"); got != strconv.Itoa(want) {
			t.Errorf("%s: Content-Length: got %s, want %d", kind, got, want)
		}
		s.settle(t)
		if got := s.get(t, filePath(hot, kind)).is(t, 200); got.header.Get("ETag") != head.header.Get("ETag") {
			t.Errorf("%s: ETag: got %q, to HEAD it was %q", kind, got.header["Etag"], head.header["Etag"])
		}
		if n := s.origin.count(filePath(hot, kind)); n != 1 {
			t.Errorf("%s: the origin was asked %d times, want once", kind, n)
		}
	}
}

// With an ETag that changes with the tier, a download that is resumed with
// If-Range would begin anew.
func TestAFileHasOneETag(t *testing.T) {
	o, dir := newOrigin(t), t.TempDir()
	s := openSite(t, dir, o)
	first := make(map[tiers.Kind]reply)
	for _, kind := range tierstest.Kinds {
		first[kind] = s.get(t, filePath(hot, kind)).is(t, 200)
		if tag := first[kind].header.Get("ETag"); !strings.HasPrefix(tag, `"`) || len(tag) < 4 {
			t.Errorf("%s: the first response has ETag %q, want a strong one", kind, tag)
		}
	}
	s.settle(t)
	same := func(t *testing.T, s *site, tier string) {
		for _, kind := range tierstest.Kinds {
			got := s.get(t, filePath(hot, kind)).is(t, 200)
			got.has(t, "ETag", first[kind].header.Get("ETag"))
			got.has(t, "Last-Modified", first[kind].header.Get("Last-Modified"))
			if kind == tiers.Zip {
				tier = "disk"
			}
			if status := got.header.Get("Cache-Status"); !strings.HasPrefix(status, tier+"; hit") {
				t.Errorf("%s: Cache-Status: got %q, want a hit of %s", kind, status, tier)
			}
		}
	}
	t.Run("from memory", func(t *testing.T) { same(t, s, "memory") })
	s.close()
	s = openSite(t, dir, o)
	t.Run("from disk after a restart", func(t *testing.T) { same(t, s, "disk") })
	s.settle(t)
	t.Run("from memory, promoted", func(t *testing.T) { same(t, s, "memory") })
}

func TestVersionsOfAllForms(t *testing.T) {
	versions := []module.Version{
		{Path: "github.com/Azure/Thing", Version: "v1.2.3"},
		{Path: "example.com/upper", Version: "v1.0.0-RC1"},
		{Path: "example.com/old", Version: "v2.0.1+incompatible"},
		{Path: "example.com/pseudo", Version: "v0.0.0-20240203040506-abcdefabcdef"},
		{Path: "example.com/pseudo", Version: "v2.0.1-0.20240203040506-abcdefabcdef+incompatible"},
		{Path: "example.com/major/v2", Version: "v2.1.0"},
		{Path: "example.com/major/v2", Version: "v2.1.1-0.20240203040506-abcdefabcdef"},
		{Path: "gopkg.in/yaml.v3", Version: "v3.0.1"},
		{Path: "gopkg.in/user/check.v1", Version: "v1.0.0-20201130134442-10cb98267c6c"},
		{Path: "golang.org/toolchain", Version: "v0.0.1-go1.26.0.linux-amd64"},
	}
	o, dir := newOrigin(t), t.TempDir()
	s := openSite(t, dir, o)
	for _, v := range versions {
		files := o.add(v)
		for _, kind := range tierstest.Kinds {
			path := filePath(v, kind)
			s.get(t, path).is(t, 200).says(t, string(tierstest.Bytes(files, kind)))
			if n := o.count(path); n != 1 {
				t.Errorf("the origin was asked for %s %d times, want once; it was asked for %q", path, n, o.requests())
			}
		}
	}
	s.close()
	o.Close()
	t.Run("from disk, without the origin", func(t *testing.T) {
		s := openSite(t, dir, o)
		for _, v := range versions {
			for _, kind := range tierstest.Kinds {
				path := &url.URL{Path: filePath(v, kind)} // the go command writes ! as %21
				s.get(t, path.EscapedPath()).is(t, 200).says(t, string(tierstest.Bytes(tierstest.Version(v, "a"), kind)))
			}
		}
	})
}

func TestOtherMethods(t *testing.T) {
	s := newSite(t, withSumDB)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"} {
		for _, path := range []string{"/", hotMod, "/example.com/hot/@v/list", "/sumdb/sum.example.com/latest", "/healthz", "/metrics", "/nowhere"} {
			s.ask(t, method, path).is(t, http.StatusMethodNotAllowed).has(t, "Allow", "GET, HEAD").tells(t, "only GET and HEAD")
		}
	}
	if got := s.origin.requests(); len(got) > 0 {
		t.Errorf("the origin was asked for %q", got)
	}
}
