package external

import (
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// FuzzPath shows that what parsePath lets through needs no second look: it was
// written escaped or as it is, and in no third way.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		"/example.com/m/@v/list", "/example.com/m/@v/v1.0.0.info", "/example.com/m/@v/v1.0.0.save", "/example.com/m/@v/v1.0.0.delete",
		"/github.com/!azure/m/@v/v1.0.0-!r!c1.zip", "/github.com/Azure/m/@v/v1.0.0-RC1.zip", "/github.com/!azure/m/@v/v1.0.0-RC1.mod",
		"/github.com/!azure/M/@v/list", "/example.com/m/@v/v1.0.0-!rC.mod", "/example.com/old/@v/v2.0.1+incompatible.zip",
		"/gopkg.in/yaml.v3/@v/v3.0.1.info", "/example.com/m/v2/@v/v1.0.0.info", "/example.com/m/@v/main.info", "/example.com/m/@v/v1.info",
		"", "/", "//", "/@v/list", "/a/@v/list", "/catalog", "/example.com/@v/", "/example.com/@v/.info", "/example.com/@v/..info",
		"/../@v/list", "/example.com/../x/@v/list", "/example.com//@v/list", "//example.com/@v/list", "/example.com/!/@v/list",
		"/example.com/!!a/@v/list", "/example.com/a\x00/@v/list", "/example.com/@v/a\x00.info", "/example.com/a\\b/@v/list",
		"/example.com/\xff/@v/list", "/example.com/con/@v/list", "/example.com/m/@v/v1.0.0.zip/", "/example.com/m/@v/a/@v/list",
		"/example.com/m/@v/v1.0.0/../../x.zip", "/" + strings.Repeat("a", 300) + ".com/@v/list",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		got, err := parsePath(url)
		if err != nil {
			if err.Error() == "" {
				t.Error("it is refused without a reason")
			}
			return
		}
		if err := module.CheckPath(got.v.Path); err != nil {
			t.Error(err)
		}
		path, err := module.EscapePath(got.v.Path)
		if err != nil {
			t.Fatal(err)
		}
		paths, files := []string{path, got.v.Path}, []string{"list"}
		if got.action != "list" {
			if !tiers.Canonical(got.v) {
				t.Errorf("got %s, which is no version", got.v)
			}
			version, err := module.EscapeVersion(got.v.Version)
			if err != nil {
				t.Fatal(err)
			}
			files = []string{version + "." + got.action, got.v.Version + "." + got.action}
		}
		for _, p := range paths {
			for _, file := range files {
				if p+"/@v/"+file == strings.TrimPrefix(url, "/") {
					return
				}
			}
		}
		t.Errorf("%q was read as %s of %s", url, got.action, got.v)
	})
}
