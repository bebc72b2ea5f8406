package tiers_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// athens are versions with the names that Athens gives their directories.
var athens = map[string]module.Version{
	"github.com/Azure/azure-sdk/v1.0.1-RC1":                   {Path: "github.com/Azure/azure-sdk", Version: "v1.0.1-RC1"},
	"github.com/Azure/azure-sdk/v1.10.0":                      {Path: "github.com/Azure/azure-sdk", Version: "v1.10.0"},
	"github.com/Azure/azure-sdk/v2.0.0+incompatible":          {Path: "github.com/Azure/azure-sdk", Version: "v2.0.0+incompatible"},
	"github.com/Azure/azure-sdk/v3/v3.1.0":                    {Path: "github.com/Azure/azure-sdk/v3", Version: "v3.1.0"},
	"gopkg.in/yaml.v2/v2.4.0":                                 {Path: "gopkg.in/yaml.v2", Version: "v2.4.0"},
	"example.com/x/v0.0.0-20240203040506-0123456789ab":        {Path: "example.com/x", Version: "v0.0.0-20240203040506-0123456789ab"},
	"example.com/v0.0.0-20240203040506-0123456789ab.d/v1.0.0": {Path: "example.com/v0.0.0-20240203040506-0123456789ab.d", Version: "v1.0.0"},
}

// writeAthens writes a version below root as Athens does.
func writeAthens(t *testing.T, root, dir string, f tiers.Files) {
	t.Helper()
	write(t, root, dir+"/go.mod", f.Mod)
	write(t, root, dir+"/source.zip", tierstest.Bytes(f, tiers.Zip))
	write(t, root, dir+"/"+filepath.Base(dir)+".info", f.Info)
}

func TestAthensTree(t *testing.T) {
	t.Run("what Athens wrote is served as it is", func(t *testing.T) {
		root := t.TempDir()
		var all []module.Version
		for dir, v := range athens {
			writeAthens(t, root, dir, tierstest.Version(v, "athens"))
			all = append(all, v)
		}
		before := filesIn(t, root)
		d := openDisk(t, root, tiers.DiskLimits{})
		for _, v := range athens {
			tierstest.Holds(t, d, v, tierstest.Version(v, "athens"))
			if err := d.Save(t.Context(), v, tierstest.Version(v, "ours")); err != nil {
				t.Errorf("save %s: %v", v, err)
			}
			tierstest.Holds(t, d, v, tierstest.Version(v, "athens"))
		}
		tierstest.Lists(t, d, "github.com/Azure/azure-sdk", "v1.0.1-RC1", "v1.10.0", "v2.0.0+incompatible")
		tierstest.Lists(t, d, "github.com/Azure/azure-sdk/v3", "v3.1.0")
		tierstest.Catalogs(t, d, 2, all)
		if after := filesIn(t, root); !slices.Equal(after, before) {
			t.Errorf("files: got %q, want the same as before, %q", after, before)
		}
	})

	t.Run("what we write has the names that Athens gives, and nothing stands beside it", func(t *testing.T) {
		root, golden := t.TempDir(), t.TempDir()
		d := openDisk(t, root, tiers.DiskLimits{})
		for dir, v := range athens {
			writeAthens(t, golden, dir, tierstest.Version(v, "a"))
			if err := d.Save(t.Context(), v, tierstest.Version(v, "a")); err != nil {
				t.Errorf("save %s: %v", v, err)
			}
		}
		if got, want := filesIn(t, root), filesIn(t, golden); !slices.Equal(got, want) {
			t.Errorf("files: got %q, want %q", got, want)
		}
	})

	t.Run("other users can read what we write, as far as the umask lets them", func(t *testing.T) {
		root, golden := t.TempDir(), t.TempDir()
		d := openDisk(t, root, tiers.DiskLimits{})
		if err := d.Save(t.Context(), version, files); err != nil {
			t.Fatal(err)
		}
		dir := version.Path + "/" + version.Version
		writeAthens(t, golden, dir, files)
		for _, name := range []string{dir, dir + "/go.mod", dir + "/source.zip", dir + "/" + version.Version + ".info"} {
			got, gerr := os.Stat(filepath.Join(root, name))
			want, werr := os.Stat(filepath.Join(golden, name))
			if gerr != nil || werr != nil || got.Mode() != want.Mode() {
				t.Errorf("mode of %s: got %v, want %v", name, got.Mode(), want.Mode())
			}
		}
	})

	t.Run("a version is listed once it has its three files, whatever else stands there", func(t *testing.T) {
		root := t.TempDir()
		d := openDisk(t, root, tiers.DiskLimits{})
		dir := version.Path + "/" + version.Version
		for _, name := range []string{"/.DS_Store", "/go.mod", "/source.zip", "/" + version.Version + ".info"} {
			tierstest.Lists(t, d, version.Path)
			tierstest.Catalogs(t, d, 7, nil)
			write(t, root, dir+name, []byte("x"))
		}
		tierstest.Lists(t, d, version.Path, version.Version)
		tierstest.Catalogs(t, d, 7, []module.Version{version})
		write(t, root, dir+"/source.zip", nil)
		tierstest.Lists(t, d, version.Path)
	})

	t.Run("a page of no versions is an error", func(t *testing.T) {
		root := t.TempDir()
		writeAthens(t, root, version.Path+"/"+version.Version, files)
		d := openDisk(t, root, tiers.DiskLimits{})
		for _, n := range []int{0, -1} {
			if vs, next, err := d.Catalog(t.Context(), "", n); err == nil {
				t.Errorf("catalog of %d: got %v and token %q, want an error", n, vs, next)
			}
		}
	})

	t.Run("delete leaves what is not ours", func(t *testing.T) {
		root := t.TempDir()
		dir := version.Path + "/" + version.Version
		writeAthens(t, root, dir, files)
		write(t, root, dir+"/README", []byte("x"))
		d := openDisk(t, root, tiers.DiskLimits{})
		if err := d.Delete(t.Context(), version); err != nil {
			t.Fatal(err)
		}
		if got, want := filesIn(t, root), []string{dir + "/README"}; !slices.Equal(got, want) {
			t.Errorf("files: got %q, want %q", got, want)
		}
		if err := d.Delete(t.Context(), version); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("delete again: got error %v, want fs.ErrNotExist", err)
		}
	})
}

// A version that is deleted while it is saved is there or is not; no save fails
// since what it was about to replace, or the directory, has just gone.
func TestSavesBesideDeletes(t *testing.T) {
	d := openDisk(t, t.TempDir(), tiers.DiskLimits{})
	r := tiers.Ref{Path: version.Path, Version: version.Version, Kind: tiers.Info}
	b := content(r)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 300 {
				if err := d.Put(t.Context(), r, b, time.Now()); err != nil {
					t.Error(err)
					return
				}
				if err := d.Delete(t.Context(), version); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestUnsound(t *testing.T) {
	whole := content(zip)
	for _, bad := range []struct {
		claim string
		r     tiers.Ref
		b     []byte
	}{
		{"a zip cut short", zip, whole[:len(whole)-30]},
		{"an empty zip", zip, nil},
		{"a zip of zeros, as a power cut leaves it", zip, make([]byte, len(whole))},
		{"an empty go.mod", mod, nil},
		{"half an info", info, content(info)[:20]},
		{"an empty info", info, nil},
		{"an info of another version", info, []byte(`{"Version":"v1.2.4"}`)},
	} {
		name := map[tiers.Kind]string{tiers.Info: "v1.2.3.info", tiers.Mod: "go.mod", tiers.Zip: "source.zip"}[bad.r.Kind]
		file := version.Path + "/" + version.Version + "/" + name

		claim(t, bad.claim+" is a miss, and a fill replaces it", func(t *testing.T) {
			s := newStack(t, has)
			write(t, s.dir, file, bad.b)
			tierstest.Lacks(t, s.Disk, version, bad.r.Kind)
			s.asks(t, bad.r, 1)[0].gotAll(t, content(bad.r))
			s.asked(t, 1)
			tierstest.HoldsFile(t, s.Disk, bad.r, content(bad.r))
			if got := filesIn(t, s.dir); !slices.Equal(got, []string{file}) {
				t.Errorf("files: got %q, want %q", got, file)
			}
		})
		claim(t, bad.claim+" is a miss, and a save replaces it", func(t *testing.T) {
			s := newStack(t, nil)
			s.Upstream = nil
			write(t, s.dir, file, bad.b)
			tierstest.Lacks(t, s, version, bad.r.Kind)
			if err := s.Save(t.Context(), version, files); err != nil {
				t.Errorf("save: %v", err)
			}
			tierstest.Holds(t, s, version, files)
		})
		t.Run(bad.claim+" cannot be saved", func(t *testing.T) {
			d := openDisk(t, t.TempDir(), tiers.DiskLimits{})
			f := files
			switch bad.r.Kind {
			case tiers.Info:
				f.Info = bad.b
			case tiers.Mod:
				f.Mod = bad.b
			case tiers.Zip:
				f.Zip = tierstest.Section(bad.b)
			}
			if err := d.Save(t.Context(), version, f); !errors.Is(err, tiers.ErrCorrupt) {
				t.Errorf("save: got error %v, want tiers.ErrCorrupt", err)
			}
			tierstest.Lacks(t, d, version)
		})
		t.Run(bad.claim+" cannot be put", func(t *testing.T) {
			d := openDisk(t, t.TempDir(), tiers.DiskLimits{})
			if err := d.Put(t.Context(), bad.r, bad.b, time.Time{}); !errors.Is(err, tiers.ErrCorrupt) {
				t.Errorf("put: got error %v, want tiers.ErrCorrupt", err)
			}
			tierstest.Lacks(t, d, version)
		})
	}
}
