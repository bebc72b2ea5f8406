package bucket

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers/tierstest"
)

// whole puts all files of a version.
func (m *memory) whole(l layout, v module.Version) {
	for _, k := range tierstest.Kinds {
		m.put(l.key(tierstest.Ref(v, k)), "x", time.Minute)
	}
}

// nested are versions whose keys lie between those of another.
var nested = []module.Version{
	{Path: "example.com/m", Version: "v1.0.0"},
	{Path: "example.com/m", Version: "v1.0.0-rc"},
	{Path: "example.com/m", Version: "v1.0.0-rc.info"},
	{Path: "example.com/m", Version: "v1.0.0-rc.info.mod"},
	{Path: "example.com/m", Version: "v1.0.0-rc.j"},
	{Path: "example.com/m", Version: "v1.0.0-rc.k"},
	{Path: "example.com/m", Version: "v1.0.0-rc.mod"},
	{Path: "example.com/m", Version: "v1.0.0-rc.n"},
	{Path: "example.com/m", Version: "v1.0.0-rc.n.n"},
	{Path: "example.com/m", Version: "v1.0.0-rc.zip"},
	{Path: "example.com/m/v1.0.0/a", Version: "v1.0.0"},
	{Path: "example.com/m/v1.0.0/h", Version: "v1.0.0"},
	{Path: "example.com/m/v1.0.0/h/v1.0.0/t", Version: "v1.0.0"},
	{Path: "example.com/m/v1.0.0/z", Version: "v1.0.0"},
}

func TestCatalogOfNestedKeys(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, l layout) {
		for n := 1; n <= len(nested)+1; n++ {
			for page := 1; page <= 3; page++ {
				m := &memory{page: page}
				for _, v := range nested {
					m.whole(l, v)
				}
				for i, v := range nested { // and as many that are not whole
					v.Version += "." + fmt.Sprint(i)
					k := tierstest.Kinds[i%3]
					if v.Version != nested[0].Version+".0" {
						m.put(l.key(tierstest.Ref(v, k)), "x", 0)
					}
				}
				tierstest.Catalogs(t, open(m, l, Options{}), n, nested)
			}
		}
		m := &memory{page: 2}
		for _, v := range nested {
			m.whole(l, v)
		}
		b := open(m, l, Options{})
		var want []string
		for _, v := range nested[:10] {
			want = append(want, v.Version)
		}
		tierstest.Lists(t, b, "example.com/m", want...)
		tierstest.Lists(t, b, "example.com/m/v1.0.0/h", "v1.0.0")
	})
}

func TestCatalogAmongForeignKeys(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, l layout) {
		m := &memory{page: 10}
		for i := range 3000 { // more than one call reads over
			m.put(fmt.Sprintf("aaa/%04d", i), "x", 0)
			m.put(fmt.Sprintf("parts/example.com/m/v1.0.0/%04d", i), "x", 0)
		}
		for _, key := range []string{"lease/example.com/m@v1.0.0", ".info", "/@v/.info", "/.info", "example.com/m/@v/list",
			"example.com/m/@v/master.info", "example.com/m/@latest", "example.com/m/v1.0.0/.DS_Store", "x\xff.info"} {
			m.put(key, "x", 0)
		}
		m.whole(l, v)
		m.whole(l, module.Version{Path: "zzz.example.com/m", Version: "v1.0.0"})
		b := open(m, l, Options{})
		tierstest.Catalogs(t, b, 1, []module.Version{v, {Path: "zzz.example.com/m", Version: "v1.0.0"}})
		tierstest.Lists(t, b, v.Path, v.Version)
	})
}

func TestCatalogInPages(t *testing.T) {
	l := layout{}
	m := &memory{}
	var all []module.Version
	for i := range 10_000 / 3 {
		v := module.Version{Path: fmt.Sprintf("example.com/m%d", i%70), Version: fmt.Sprintf("v1.%d.0", i/70)}
		m.whole(l, v)
		all = append(all, v)
	}
	b := open(m, l, Options{})
	tierstest.Catalogs(t, b, 7, all)
	if pages, asked := (len(all)+6)/7, len(m.requests()); asked > pages+1 {
		t.Errorf("got %d requests for %d pages, want one for each", asked, pages)
	}
}

func TestCatalogTokens(t *testing.T) {
	m := &memory{}
	m.whole(layout{}, v)
	m.whole(layout{}, module.Version{Path: "example.com/m", Version: "v1.0.1"})
	s3, minio := open(m, layout{}, Options{Name: "s3"}), open(m, layout{}, Options{Name: "gcp"})
	_, token, err := s3.Catalog(t.Context(), "", 1)
	if err != nil || token == "" {
		t.Fatalf("got token %q, error %v, want a token", token, err)
	}
	changed := []byte(token)
	changed[len(changed)-2] ^= 1
	for _, bad := range []string{"x", "AAAAAA", string(changed), token[:len(token)-4], token + "AAAA", "example.com/m/@v/v1.0.0.zip"} {
		if vs, _, err := s3.Catalog(t.Context(), bad, 1); err == nil {
			t.Errorf("token %q: got %v, want an error", bad, vs)
		}
	}
	if vs, _, err := minio.Catalog(t.Context(), token, 1); err == nil {
		t.Errorf("the token of another store: got %v, want an error", vs)
	}
	if _, _, err := s3.Catalog(t.Context(), "", 0); err == nil {
		t.Error("a page of 0: got no error, want one")
	}
}

func TestVersionsReadOverModulesBelow(t *testing.T) {
	l := layout{dirs: true}
	m := &memory{page: 100}
	m.whole(l, v)
	m.whole(l, module.Version{Path: v.Path, Version: "v1.9.0"})
	for i := range 5000 {
		m.whole(l, module.Version{Path: "example.com/m/below", Version: fmt.Sprintf("v1.%d.0", i)})
		m.whole(l, module.Version{Path: "example.com/m/v1.0.0/below", Version: fmt.Sprintf("v1.%d.0", i)})
	}
	m.requests()
	tierstest.Lists(t, open(m, l, Options{}), v.Path, "v1.0.0", "v1.9.0")
	if asked := m.requests(); len(asked) > 5 {
		t.Errorf("got %d requests, want a few: what lies below other modules is left out", len(asked))
	}
}

func TestLayout(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, l layout) {
		for _, v := range nested {
			var keys []string
			for _, k := range tierstest.Kinds {
				r := tierstest.Ref(v, k)
				key := l.key(r)
				keys = append(keys, key)
				if got, ok := l.parse(key); got != r || !ok {
					t.Errorf("parse %q: got %v, %v, want %v", key, got, ok, r)
				}
				if !strings.HasPrefix(key, l.prefix(v.Path)) {
					t.Errorf("%q does not begin with %q", key, l.prefix(v.Path))
				}
			}
			if got := slices.Max(keys); l.last(v) != got {
				t.Errorf("last key of %s: got %q, want %q", v, l.last(v), got)
			}
		}
	})
}

func FuzzLayout(f *testing.F) {
	f.Add("example.com/m/@v/v1.0.0.info")
	f.Add("example.com/m/v1.0.0/v1.0.0.info")
	f.Add("/@v/.info")
	f.Fuzz(func(t *testing.T, key string) {
		for _, l := range layouts {
			if r, ok := l.parse(key); ok && l.key(r) != key {
				t.Errorf("%q is parsed as %v, whose key is %q", key, r, l.key(r))
			}
		}
	})
}
