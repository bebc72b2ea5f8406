package tiers_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestConfinement(t *testing.T) {
	outside := t.TempDir()
	writeAthens(t, outside, version.Path+"/"+version.Version, files)
	write(t, outside, "secret", []byte("secret"))

	t.Run("a symlink out of the root is not followed to a file", func(t *testing.T) {
		root := t.TempDir()
		file := filepath.Join(root, version.Path, version.Version, "go.mod")
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(outside, "secret"), file); err != nil {
			t.Fatal(err)
		}
		d := openDisk(t, root, tiers.DiskLimits{})
		b, err := tierstest.ReadFile(t.Context(), d, mod)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open: got %q, error %v, want an error that is no absence", b, err)
		}
	})

	t.Run("a symlink out of the root is not followed to a directory", func(t *testing.T) {
		root := t.TempDir()
		if err := os.Symlink(filepath.Join(outside, "github.com"), filepath.Join(root, "github.com")); err != nil {
			t.Fatal(err)
		}
		before := filesIn(t, outside)
		d := openDisk(t, root, tiers.DiskLimits{})
		for _, r := range []tiers.Ref{info, mod, zip} {
			if b, err := tierstest.ReadFile(t.Context(), d, r); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("open %s: got %d bytes, error %v, want an error that is no absence", r, len(b), err)
			}
		}
		other := module.Version{Path: version.Path, Version: "v1.2.4"}
		if err := d.Save(t.Context(), other, tierstest.Version(other, "a")); err == nil {
			t.Error("save: got no error, want one")
		}
		if err := d.Delete(t.Context(), version); err == nil {
			t.Error("delete: got no error, want one")
		}
		if vs, err := d.Versions(t.Context(), version.Path); err == nil {
			t.Errorf("versions: got %q, want an error", vs)
		}
		tierstest.Catalogs(t, d, 7, nil)
		if got := filesIn(t, outside); !slices.Equal(got, before) {
			t.Errorf("files outside: got %q, want %q", got, before)
		}
	})

	t.Run("a directory or file in the wrong place is no absence, and no panic", func(t *testing.T) {
		root := t.TempDir()
		write(t, root, version.Path+"/"+version.Version+"/go.mod/x", nil)
		write(t, root, "example.com", []byte("a file where a directory would be"))
		d := openDisk(t, root, tiers.DiskLimits{})
		if _, err := d.Open(t.Context(), mod); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open a directory: got error %v, want one that is no absence", err)
		}
		v := module.Version{Path: "example.com/a", Version: "v1.0.0"}
		tierstest.Lacks(t, d, v)
		tierstest.Lists(t, d, v.Path)
		if err := d.Delete(t.Context(), v); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("delete: got error %v, want fs.ErrNotExist", err)
		}
		if err := d.Save(t.Context(), v, tierstest.Version(v, "a")); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("save: got error %v, want one that is no absence", err)
		}
	})

	t.Run("a directory that cannot be of a module is not looked into", func(t *testing.T) {
		root := t.TempDir()
		writeAthens(t, root, version.Path+"/"+version.Version, files)
		if err := os.Mkdir(filepath.Join(root, "lost+found"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := os.ReadDir(filepath.Join(root, "lost+found")); err == nil {
			t.Skip("root may look into any")
		}
		d := openDisk(t, root, tiers.DiskLimits{})
		d.Counted()
		if _, files := d.Usage(); files != 3 {
			t.Errorf("Usage: got %d files, want 3", files)
		}
		tierstest.Catalogs(t, d, 7, []module.Version{version})
	})

	t.Run("a name too long for the file system is a miss", func(t *testing.T) {
		d := openDisk(t, t.TempDir(), tiers.DiskLimits{})
		v := module.Version{Path: version.Path + strings.Repeat("a", 300), Version: "v1.0.0"}
		if err := d.Save(t.Context(), version, files); err != nil {
			t.Fatal(err)
		}
		tierstest.Lacks(t, d, v)
		tierstest.Lists(t, d, v.Path)
		if err := d.Delete(t.Context(), v); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("delete: got error %v, want fs.ErrNotExist", err)
		}
		if err := d.Save(t.Context(), v, tierstest.Version(v, "a")); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("save: got error %v, want one that is no absence", err)
		}
	})
}

func TestCase(t *testing.T) {
	t.Run("where the file system folds case, names are escaped and the rest is as ever", func(t *testing.T) {
		root := t.TempDir()
		d := openDisk(t, root, tiers.DiskLimits{})
		d.EscapeNames()
		upper := module.Version{Path: "github.com/Sirupsen/logrus", Version: "v1.0.0-RC1"}
		lower := module.Version{Path: "github.com/sirupsen/logrus", Version: "v1.0.0-rc1"}
		for _, v := range []module.Version{upper, lower} {
			if err := d.Save(t.Context(), v, tierstest.Version(v, "a")); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range filesIn(t, root) {
			if bytes.ContainsAny([]byte(name), "SRC") {
				t.Errorf("file: got %s, want no upper case", name)
			}
		}
		tierstest.Holds(t, d, upper, tierstest.Version(upper, "a"))
		tierstest.Holds(t, d, lower, tierstest.Version(lower, "a"))
		tierstest.Lists(t, d, upper.Path, upper.Version)
		tierstest.Catalogs(t, d, 1, []module.Version{upper, lower})
	})
}
