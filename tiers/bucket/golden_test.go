package bucket

import (
	"fmt"
	"maps"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers/tierstest"
)

// athens are versions with the names of their objects in each of Athens' layouts,
// written out.
var athens = []struct {
	version module.Version
	proxy   [3]string // info, mod, zip
	dirs    [3]string
}{
	{
		module.Version{Path: "github.com/Azure/Foo", Version: "v1.0.1-RC1"},
		[3]string{"github.com/Azure/Foo/@v/v1.0.1-RC1.info", "github.com/Azure/Foo/@v/v1.0.1-RC1.mod", "github.com/Azure/Foo/@v/v1.0.1-RC1.zip"},
		[3]string{"github.com/Azure/Foo/v1.0.1-RC1/v1.0.1-RC1.info", "github.com/Azure/Foo/v1.0.1-RC1/go.mod", "github.com/Azure/Foo/v1.0.1-RC1/source.zip"},
	},
	{
		module.Version{Path: "github.com/Azure/Foo", Version: "v2.0.0+incompatible"},
		[3]string{"github.com/Azure/Foo/@v/v2.0.0+incompatible.info", "github.com/Azure/Foo/@v/v2.0.0+incompatible.mod", "github.com/Azure/Foo/@v/v2.0.0+incompatible.zip"},
		[3]string{"github.com/Azure/Foo/v2.0.0+incompatible/v2.0.0+incompatible.info", "github.com/Azure/Foo/v2.0.0+incompatible/go.mod", "github.com/Azure/Foo/v2.0.0+incompatible/source.zip"},
	},
	{
		module.Version{Path: "github.com/Azure/Foo/v3", Version: "v3.1.0"},
		[3]string{"github.com/Azure/Foo/v3/@v/v3.1.0.info", "github.com/Azure/Foo/v3/@v/v3.1.0.mod", "github.com/Azure/Foo/v3/@v/v3.1.0.zip"},
		[3]string{"github.com/Azure/Foo/v3/v3.1.0/v3.1.0.info", "github.com/Azure/Foo/v3/v3.1.0/go.mod", "github.com/Azure/Foo/v3/v3.1.0/source.zip"},
	},
	{
		module.Version{Path: "gopkg.in/yaml.v2", Version: "v2.0.0-20240203040506-0123456789ab"},
		[3]string{"gopkg.in/yaml.v2/@v/v2.0.0-20240203040506-0123456789ab.info", "gopkg.in/yaml.v2/@v/v2.0.0-20240203040506-0123456789ab.mod", "gopkg.in/yaml.v2/@v/v2.0.0-20240203040506-0123456789ab.zip"},
		[3]string{"gopkg.in/yaml.v2/v2.0.0-20240203040506-0123456789ab/v2.0.0-20240203040506-0123456789ab.info", "gopkg.in/yaml.v2/v2.0.0-20240203040506-0123456789ab/go.mod", "gopkg.in/yaml.v2/v2.0.0-20240203040506-0123456789ab/source.zip"},
	},
}

// contentTypes are those of Athens' objects, in the order of tierstest.Kinds.
var contentTypes = map[string][3]string{
	"s3":    {"application/json", "text/plain", "application/octet-stream"},
	"minio": {"application/octet-stream", "application/octet-stream", "application/octet-stream"},
}

// asAthens returns the objects of all versions, as Athens keeps them in a store of
// that name.
func asAthens(store string) map[string]stored {
	all := make(map[string]stored)
	for _, a := range athens {
		names := a.proxy
		if store == "minio" {
			names = a.dirs
		}
		f := tierstest.Version(a.version, "a")
		for i, k := range tierstest.Kinds {
			all[names[i]] = stored{contentTypes[store][i], string(tierstest.Bytes(f, k))}
		}
	}
	return all
}

func TestWritesWhatAthensWrites(t *testing.T) {
	onEach(t, func(t *testing.T, s server, open func(testing.TB, server, string) *Bucket) {
		bucket := s.bucket(t)
		b := open(t, s, bucket)
		for _, a := range athens {
			if err := b.Save(t.Context(), a.version, tierstest.Version(a.version, "a")); err != nil {
				t.Fatal(err)
			}
		}
		got, want := s.all(t, bucket), asAthens(b.Name)
		if !maps.Equal(got, want) {
			t.Errorf("got objects\n%q\nwant\n%q", got, want)
		}
	})
}

func TestReadsWhatAthensWrote(t *testing.T) {
	onEach(t, func(t *testing.T, s server, open func(testing.TB, server, string) *Bucket) {
		bucket := s.bucket(t)
		b := open(t, s, bucket)
		for key, o := range asAthens(b.Name) {
			s.put(t, bucket, key, o.contentType, []byte(o.content))
		}
		partial := module.Version{Path: "github.com/Azure/Foo", Version: "v1.9.9"}
		f := tierstest.Version(partial, "a")
		for _, key := range []string{
			"github.com/Azure/Foo/@v/v1.9.9.info", // an upload of the zip that broke off
			"github.com/Azure/Foo/@v/v1.9.9.mod",
			"github.com/Azure/Foo/v1.9.9/go.mod",
			"github.com/Azure/Foo/v1.9.9/source.zip",
			"github.com/Azure/Foo/@v/list",
			"github.com/Azure/Foo/@v/master.info",
			"github.com/Azure/Foo/README.md",
			"parts/github.com/Azure/Foo/v1.0.0/0",
			"parts/github.com/Azure/Foo/v1.0.0/1",
			"lease/github.com/Azure/Foo@v1.0.0",
			"z.info", "index.html",
		} {
			s.put(t, bucket, key, "text/plain", f.Mod)
		}
		versions := make(map[string][]string)
		var all []module.Version
		for _, a := range athens {
			tierstest.Holds(t, b, a.version, tierstest.Version(a.version, "a"))
			versions[a.version.Path] = append(versions[a.version.Path], a.version.Version)
			all = append(all, a.version)
		}
		for path, want := range versions {
			tierstest.Lists(t, b, path, want...)
		}
		for n := 1; n < 4; n++ {
			tierstest.Catalogs(t, b, n, all)
		}
		tierstest.HoldsFile(t, b, tierstest.Ref(partial, 1), f.Mod)
		if err := b.Check(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestZipOfManyParts(t *testing.T) {
	// Athens sends a large zip in parts, which gives it a checksum of checksums.
	onEach(t, func(t *testing.T, s server, open func(testing.TB, server, string) *Bucket) {
		bucket := s.bucket(t)
		b := open(t, s, bucket)
		f := tierstest.Large(v, "a", 11<<20)
		s.putInParts(t, bucket, b.layout.key(zip), f.Zip)
		tierstest.HoldsFile(t, b, zip, tierstest.Bytes(f, zip.Kind))
		if err := b.Save(t.Context(), v, f); err != nil {
			t.Error(err)
		}
		tierstest.Lists(t, b, v.Path, v.Version)
	})
}

func TestConditional(t *testing.T) {
	onEach(t, func(t *testing.T, s server, open func(testing.TB, server, string) *Bucket) {
		bucket := s.bucket(t)
		b := open(t, s, bucket)
		if ok, err := b.Conditional(t.Context()); !ok || err != nil {
			t.Errorf("got %v, error %v, want true", ok, err)
		}
		if left := s.all(t, bucket); len(left) != 0 {
			t.Errorf("the probe left %v", fmt.Sprint(left))
		}
	})
}
