package tierstest

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"testing"
	"testing/iotest"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"

	"github.com/modtier/modtier/tiers"
)

// checkZip fails if the go command would not unzip b as v.
func checkZip(t *testing.T, v module.Version, zip *io.SectionReader) {
	t.Helper()
	dir := t.TempDir()
	file := dir + "/source.zip"
	if err := os.WriteFile(file, Bytes(tiers.Files{Zip: zip}, tiers.Zip), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := modzip.CheckZip(v, file); err != nil {
		t.Errorf("the zip of %s is not sound: %v", v, err)
	}
	if err := modzip.Unzip(dir+"/tree", v, file); err != nil {
		t.Errorf("the zip of %s does not unzip: %v", v, err)
	}
}

func TestVersion(t *testing.T) {
	t.Run("its files are what the go command takes", func(t *testing.T) {
		for _, v := range every {
			f := Version(v, "a")
			checkZip(t, v, f.Zip)
			if got := modfile.ModulePath(f.Mod); got != v.Path {
				t.Errorf("module line of %s: got %q", v, got)
			}
		}
	})
	t.Run("another seed gives other files", func(t *testing.T) {
		a, b := Version(every[0], "a"), Version(every[0], "b")
		for _, k := range Kinds {
			if bytes.Equal(Bytes(a, k), Bytes(b, k)) {
				t.Errorf("%s: got the same for both seeds", k)
			}
		}
	})
}

func TestLarge(t *testing.T) {
	v := module.Version{Path: "example.com/large", Version: "v1.0.0"}
	f := Large(v, "a", 300<<10)
	if got := f.Zip.Size(); got < 300<<10 || got > 500<<10 {
		t.Errorf("size: got %d, want some 300 KiB", got)
	}
	t.Run("it is a zip that the go command takes", func(t *testing.T) {
		checkZip(t, v, f.Zip)
	})
	t.Run("its parts are those of its whole", func(t *testing.T) {
		whole := Bytes(f, tiers.Zip)
		if err := iotest.TestReader(io.NewSectionReader(f.Zip, 0, f.Zip.Size()), whole); err != nil {
			t.Error(err)
		}
		if _, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole))); err != nil {
			t.Error(err)
		}
	})
}
