package tiers

import (
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/mod/module"
)

func TestLayoutNames(t *testing.T) {
	v := module.Version{Path: "github.com/Azure/x", Version: "v1.0.0-RC1"}
	for _, c := range []struct {
		layout layout
		kind   Kind
		want   string
	}{
		{layout{}, Info, "github.com/Azure/x/v1.0.0-RC1/v1.0.0-RC1.info"},
		{layout{}, Mod, "github.com/Azure/x/v1.0.0-RC1/go.mod"},
		{layout{}, Zip, "github.com/Azure/x/v1.0.0-RC1/source.zip"},
		{layout{escape: true}, Info, "github.com/!azure/x/v1.0.0-!r!c1/v1.0.0-!r!c1.info"},
		{layout{escape: true}, Mod, "github.com/!azure/x/v1.0.0-!r!c1/go.mod"},
		{layout{escape: true}, Zip, "github.com/!azure/x/v1.0.0-!r!c1/source.zip"},
	} {
		r := Ref{v.Path, v.Version, c.kind}
		if got := c.layout.name(r); got != c.want {
			t.Errorf("name of %s: got %q, want %q", r, got, c.want)
		}
		if got, ok := c.layout.parse(c.want); !ok || got != r {
			t.Errorf("parse %q: got %v, %t, want %v", c.want, got, ok, r)
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		path, version string
		want          bool
	}{
		{"example.com/a", "v1.0.0", true},
		{"example.com/a", "v2.0.0+incompatible", true},
		{"example.com/a/v2", "v2.0.0", true},
		{"gopkg.in/yaml.v2", "v2.4.0", true},
		{"example.com/a", "v1.0.0-20240203040506-0123456789ab", true},
		{"example.com/a", "v1.0", false},
		{"example.com/a", "v1", false},
		{"example.com/a", "latest", false},
		{"example.com/a", "main", false},
		{"example.com/a", "1.0.0", false},
		{"example.com/a", "v1.0.0+meta", false},
		{"example.com/a", "v2.0.0", false},
		{"example.com/a/v2", "v1.0.0", false},
		{"a", "v1.0.0", false},
		{"example.com/../a", "v1.0.0", false},
		{"/example.com/a", "v1.0.0", false},
		{"example.com/a", "", false},
		{"", "v1.0.0", false},
	} {
		if got := Canonical(module.Version{Path: c.path, Version: c.version}); got != c.want {
			t.Errorf("Canonical(%s@%s): got %t, want %t", c.path, c.version, got, c.want)
		}
	}
}

func FuzzLayout(f *testing.F) {
	f.Add("example.com/a/v1.0.0/go.mod", "example.com/a", "v1.0.0")
	f.Add("github.com/Azure/x/v1.0.0-RC1/v1.0.0-RC1.info", "github.com/Azure/x", "v1.0.0-RC1")
	f.Add("github.com/!azure/x/v1.0.0-!r!c1/source.zip", "gopkg.in/yaml.v2", "v2.0.0")
	f.Add("example.com/a/v2.0.0+incompatible/go.mod", "example.com/a", "v2.0.0+incompatible")
	f.Add("v1.0.0/go.mod", "", "")
	f.Add("/v1.0.0/go.mod", "/", "v1.0.0")
	f.Add("go.mod", "example.com", "v1")
	f.Add("a//v1.0.0/go.mod", "..", "..")
	f.Add("", "example.com/a/v1.0.0/b", "v1.0.0")
	f.Fuzz(func(t *testing.T, name, path, version string) {
		for _, l := range []layout{{}, {escape: true}} {
			if r, ok := l.parse(name); ok {
				if got := l.name(r); got != name {
					t.Errorf("name of %v: got %q, want %q, of which it was parsed", r, got, name)
				}
				if !Canonical(r.Module()) {
					t.Errorf("parse %q: got %v, which is not canonical", name, r)
				}
			}
			if !Canonical(module.Version{Path: path, Version: version}) {
				continue
			}
			for _, k := range []Kind{Info, Mod, Zip} {
				r := Ref{path, version, k}
				name := l.name(r)
				if got, ok := l.parse(name); !ok || got != r {
					t.Errorf("parse %q: got %v, %t, want %v", name, got, ok, r)
				}
				if !fs.ValidPath(name) || strings.HasPrefix(name, ownDir) {
					t.Errorf("name of %v: got %q, which is no name below the root", r, name)
				}
				if l.escape && strings.ToLower(name) != name {
					t.Errorf("name of %v: got %q, want no upper case", r, name)
				}
			}
		}
	})
}

func FuzzCatalogToken(f *testing.F) {
	f.Add("example.com/a", "example.com/a/v1.0.0")
	f.Add("example.com/a/v1.0.0", "example.com/a")
	f.Add("example.com/b", "example.com/a/v1.0.0")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, a, b string) {
		if before(a, b) && before(b, a) {
			t.Errorf("%q and %q are before each other", a, b)
		}
		if before(a, a) {
			t.Errorf("%q is before itself", a)
		}
	})
}
