package gateway

import (
	"path"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/tlog"
)

// FuzzParse shows that what parse lets through needs no second look: it can be
// written in one way only, and a file's name is that of one version.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"/example.com/hot/@v/list", "/example.com/hot/@latest", "/example.com/hot/@v/v1.0.0.info",
		"/github.com/!azure/thing/@v/v1.2.3.mod", "/example.com/m/@v/v1.0.0-!r!c1.zip",
		"/example.com/old/@v/v2.0.1+incompatible.zip", "/example.com/m/v2/@v/v2.1.0.mod", "/gopkg.in/yaml.v3/@v/v3.0.1.info",
		"/example.com/m/@v/v0.0.0-20240203040506-abcdefabcdef.mod", "/golang.org/toolchain/@v/v0.0.1-go1.26.0.linux-amd64.zip",
		"/example.com/m/@v/main.info", "/example.com/m/@v/v1.info", "/example.com/m/@v/list.info", "/example.com/m/@v/v1.0.0.info.info",
		"", "/", "//", "/@v/list", "/@latest", "/a/@v/list", "/example.com/@v/", "/example.com/@v/.info", "/example.com/@v/..info",
		"/../@v/list", "/example.com/../@v/list", "/example.com/./@v/list", "/example.com//@v/list", "//example.com/@v/list",
		"/example.com/Hot/@v/list", "/example.com/!/@v/list", "/example.com/!!a/@v/list", "/example.com/!A/@v/list",
		"/example.com/a\x00/@v/list", "/example.com/@v/a\x00.info", "/example.com/a\\b/@v/list", "/example.com/@v/a/b.info",
		"/example.com/\xff/@v/list", "/example.com/é/@v/list", "/example.com/con/@v/list", "/example.com/a~1/@v/list",
		"/example.com/m/@v/v1.0.0.zip/", "/example.com/m/@v/V1.0.0.mod", "/example.com/m/v1/@v/v1.0.0.mod", "/example.com/a@v/@v/list",
		"/example.com/a/@v/v1.0.0.mod/@v/v1.0.0.mod", "/" + strings.Repeat("a", 300) + ".com/@v/list",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		q, err := parse(url)
		if err != nil {
			if err.Error() == "" {
				t.Error("it is refused without a reason")
			}
			return
		}
		p, err := module.EscapePath(q.path)
		if err != nil {
			t.Fatalf("module %q: %v", q.path, err)
		}
		if err := module.CheckPath(q.path); err != nil {
			t.Error(err)
		}
		back := p + "/@latest"
		switch q.kind {
		case "latest":
		case "list":
			back = p + "/@v/list"
		case "info", "mod", "zip", "query":
			v, err := module.EscapeVersion(q.version)
			if err != nil {
				t.Fatalf("version %q: %v", q.version, err)
			}
			back = p + "/@v/" + v + "." + q.file.String()
			if q.kind == "query" {
				break
			}
			if err := module.Check(q.path, q.version); err != nil || module.CanonicalVersion(q.version) != q.version {
				t.Errorf("%s@%s is no version: %v", q.path, q.version, err)
			}
			if r := q.ref(); r.Path != q.path || r.Version != q.version || r.Kind.String() != q.kind {
				t.Errorf("a %s has ref %s", q.kind, r)
			}
		default:
			t.Errorf("got kind %q", q.kind)
		}
		if want := strings.TrimPrefix(url, "/"); back != want {
			t.Errorf("%q was read as %q", want, back)
		}
	})
}

// FuzzSumDBPath shows that a file of a checksum database has a note of its own,
// below that of its database, and that only its own kind of content is taken
// for it.
func FuzzSumDBPath(f *testing.F) {
	for _, seed := range []string{
		"lookup/example.com/hot@v1.0.0", "lookup/github.com/!azure/thing@v1.2.3-!r!c1", "lookup/example.com/old@v2.0.1+incompatible",
		"tile/8/0/000", "tile/8/0/x001/234", "tile/8/0/000.p/5", "tile/8/1/000.p/255", "tile/8/data/000", "tile/8/data/x001/234.p/7",
		"", "lookup/", "lookup/@", "lookup/../x@v1.0.0", "lookup/example.com/hot", "lookup/example.com/Hot@v1.0.0", "lookup/example.com/hot@main",
		"lookup/example.com/hot@v1.0.0/../x", "lookup/example.com/hot\x00@v1.0.0", "lookup/example.com/m/v2@v1.0.0", "lookup/a@b@v1.0.0",
		"tile/", "tile/8/0/../000", "tile/8/0/000.p/0", "tile/8/0/000.p/256", "tile/8/0/0", "tile/99/0/000", "tile/30/0/000", "tile/8/-1/000",
		"tile/8/0/x000/000", "tile/8/data", "latest", "supported", "tile/8/data/000/x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		file, err := parseSumDB(url)
		if err != nil {
			return
		}
		if file.note != path.Clean(file.note) || path.IsAbs(file.note) || strings.HasPrefix(file.note, "..") || file.note != strings.ToLower(file.note) {
			t.Errorf("%q has note %q", url, file.note)
		}
		if _, ok := file.cut(nil); ok {
			t.Errorf("%q is taken from nothing", url)
		}
		if strings.HasPrefix(url, "lookup/") {
			if file.note != url {
				t.Errorf("%q has note %q", url, file.note)
			}
			return
		}
		tile, err := tlog.ParseTilePath(url)
		if err != nil {
			t.Fatalf("%q is no tile: %v", url, err)
		}
		if tile.L == -1 {
			if file.note != url {
				t.Errorf("%q has note %q", url, file.note)
			}
			return
		}
		if tile.W < 1<<10 {
			b, ok := file.cut(make([]byte, tile.W*tlog.HashSize+1))
			if !ok || len(b) != tile.W*tlog.HashSize {
				t.Errorf("%q: %d bytes are cut from a wider tile, %t", url, len(b), ok)
			}
		}
		tile.W = 1 << tile.H
		if file.note != tile.Path() {
			t.Errorf("%q has note %q", url, file.note)
		}
	})
}
