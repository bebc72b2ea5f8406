package tiers_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// numbered names the go.mod of a module with that number.
func numbered(i int) tiers.Ref {
	return tiers.Ref{Path: fmt.Sprintf("example.com/m%03d", i), Version: "v1.0.0", Kind: tiers.Mod}
}

// file is where r, a go.mod, lies below root.
func file(root string, r tiers.Ref) string { return filepath.Join(root, r.Path, r.Version, "go.mod") }

func putSized(t *testing.T, d *tiers.Disk, r tiers.Ref, size int) {
	t.Helper()
	if err := d.Put(t.Context(), r, bytes.Repeat([]byte("x"), size), time.Time{}); err != nil {
		t.Errorf("put %s: %v", r, err)
	}
}

// use reads r, which makes it the most recently used.
func use(t *testing.T, d *tiers.Disk, r tiers.Ref) {
	t.Helper()
	if _, err := tierstest.ReadFile(t.Context(), d, r); err != nil {
		t.Errorf("open %s: %v", r, err)
	}
}

// kept checks which numbered files are there, of the first n.
func kept(t *testing.T, root string, n int, want ...int) {
	t.Helper()
	var got []int
	for i := range n {
		if _, err := os.Stat(file(root, numbered(i))); err == nil {
			got = append(got, i)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("kept: got %v, want %v", got, want)
	}
}

func TestEviction(t *testing.T) {
	t.Run("the least recently used goes first", func(t *testing.T) {
		root := t.TempDir()
		var reasons []string
		d := openDisk(t, root, tiers.DiskLimits{Size: 1000, Evicted: func(r string, _ time.Duration) { reasons = append(reasons, r) }})
		d.Counted()
		for i := range 4 {
			putSized(t, d, numbered(i), 250)
		}
		kept(t, root, 6, 0, 1, 2, 3)
		use(t, d, numbered(0))
		putSized(t, d, numbered(4), 250)
		kept(t, root, 6, 0, 2, 3, 4)
		use(t, d, numbered(2))
		putSized(t, d, numbered(5), 500)
		kept(t, root, 6, 2, 4, 5)
		if bytes, files := d.Usage(); bytes != 1000 || files != 3 {
			t.Errorf("Usage: got %d bytes and %d files, want 1000 and 3", bytes, files)
		}
		if want := []string{"size", "size", "size"}; !slices.Equal(reasons, want) {
			t.Errorf("Evicted: got %q, want %q", reasons, want)
		}
	})

	t.Run("the age of what goes is the time since its last use, by whichever process", func(t *testing.T) {
		root := t.TempDir()
		putSized(t, openDisk(t, root, tiers.DiskLimits{Size: 1000}), numbered(0), 600)
		old := time.Now().Add(-48 * time.Hour)
		if err := os.Chtimes(filepath.Join(root, numbered(0).Path, numbered(0).Version, "go.mod"), old, time.Now()); err != nil {
			t.Fatal(err)
		}
		var ages []time.Duration
		d := openDisk(t, root, tiers.DiskLimits{Size: 1000, Evicted: func(_ string, age time.Duration) { ages = append(ages, age) }})
		d.Counted()
		putSized(t, d, numbered(1), 600)
		putSized(t, d, numbered(2), 600)
		if len(ages) != 2 || ages[0].Round(time.Hour) != 48*time.Hour || ages[1] < 0 || ages[1].Round(time.Hour) != 0 {
			t.Errorf("ages: got %v, want two days and next to nothing", ages)
		}
	})

	t.Run("an evicted file is absent, and its empty directories are gone", func(t *testing.T) {
		root := t.TempDir()
		d := openDisk(t, root, tiers.DiskLimits{Size: 1000})
		d.Counted()
		putSized(t, d, numbered(0), 600)
		putSized(t, d, numbered(1), 600)
		tierstest.Lacks(t, d, numbered(0).Module())
		if _, err := os.Stat(filepath.Join(root, numbered(0).Path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("its directory: got error %v, want os.ErrNotExist", err)
		}
	})

	t.Run("recency outlives the process", func(t *testing.T) {
		root := t.TempDir()
		long := time.Now().Add(-48 * time.Hour)
		d, err := tiers.OpenDisk(root, tiers.DiskLimits{Size: 1000}, testLog(t))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			putSized(t, d, numbered(i), 250)
			if err := os.Chtimes(file(root, numbered(i)), long.Add(time.Duration(i)*time.Hour), time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if d, err = tiers.OpenDisk(root, tiers.DiskLimits{Size: 1000}, testLog(t)); err != nil {
			t.Fatal(err)
		}
		d.Counted()
		use(t, d, numbered(1))
		use(t, d, numbered(0))
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d = openDisk(t, root, tiers.DiskLimits{Size: 1000})
		d.Counted()
		putSized(t, d, numbered(4), 250)
		kept(t, root, 6, 0, 1, 3, 4)
		putSized(t, d, numbered(5), 500)
		kept(t, root, 6, 0, 4, 5)
	})

	t.Run("a use leaves the modification time, a file's validator, as it was", func(t *testing.T) {
		root := t.TempDir()
		then := time.Date(2024, 2, 3, 4, 5, 6, 789012345, time.UTC)
		write(t, root, "example.com/m000/v1.0.0/go.mod", []byte("x"))
		if err := os.Chtimes(file(root, numbered(0)), then, then); err != nil {
			t.Fatal(err)
		}
		d := openDisk(t, root, tiers.DiskLimits{Size: 1000})
		d.Counted()
		use(t, d, numbered(0))
		stat, err := os.Stat(file(root, numbered(0)))
		if err != nil || !stat.ModTime().Equal(then) {
			t.Errorf("ModTime: got %v, error %v, want %v", stat.ModTime(), err, then)
		}
	})

	t.Run("a limit that was lowered holds after the next start", func(t *testing.T) {
		root := t.TempDir()
		for i := range 10 {
			write(t, root, fmt.Sprintf("example.com/m%03d/v1.0.0/go.mod", i), make([]byte, 100))
			at := time.Now().Add(time.Duration(i-100) * time.Hour)
			if err := os.Chtimes(file(root, numbered(i)), at, at); err != nil {
				t.Fatal(err)
			}
		}
		d := openDisk(t, root, tiers.DiskLimits{Size: 350})
		d.Counted()
		kept(t, root, 10, 7, 8, 9)
		if bytes, files := d.Usage(); bytes != 300 || files != 3 || d.Limit() != 350 {
			t.Errorf("Usage: got %d bytes of %d in %d files, want 300 of 350 in 3", bytes, d.Limit(), files)
		}
	})

	t.Run("what is not ours is neither counted nor evicted", func(t *testing.T) {
		root := t.TempDir()
		foreign := []string{
			"README", "lost+found/x", ".git/config", "go.mod", "source.zip", "v1.0.0/go.mod",
			"example.com/go.mod", "example.com/m000/source.zip", "example.com/m000/v1/go.mod",
			"example.com/m000/v1.0.0/README", "example.com/m000/v1.0.0/v1.0.1.info", "example.com/m000/v1.0.0/.nfs0001",
			"example.com/m000/v2.0.0/go.mod", "example.com/m000/v01.0.0/go.mod", "example.com/m000/v1.0.0+meta/go.mod",
		}
		for _, name := range foreign {
			write(t, root, name, make([]byte, 1000))
		}
		if err := os.Symlink("README", filepath.Join(root, "example.com/m000/v1.0.0/source.zip")); err != nil {
			t.Fatal(err)
		}
		foreign = append(foreign, "example.com/m000/v1.0.0/source.zip")
		write(t, root, "example.com/m000/v1.0.0/go.mod", make([]byte, 100))
		d := openDisk(t, root, tiers.DiskLimits{Size: 500})
		d.Counted()
		if bytes, files := d.Usage(); bytes != 100 || files != 1 {
			t.Errorf("Usage: got %d bytes in %d files, want 100 in 1", bytes, files)
		}
		putSized(t, d, numbered(1), 450) // drives out the one that is ours
		putSized(t, d, numbered(2), 450)
		want := append(slices.Clone(foreign), "example.com/m002/v1.0.0/go.mod")
		slices.Sort(want)
		if got := slices.Sorted(slices.Values(filesIn(t, root))); !slices.Equal(got, want) {
			t.Errorf("files: got %q, want %q", got, want)
		}
	})

	t.Run("what does not fit at all evicts nothing", func(t *testing.T) {
		root := t.TempDir()
		d := openDisk(t, root, tiers.DiskLimits{Size: 1000})
		d.Counted()
		putSized(t, d, numbered(0), 500)
		if err := d.Put(t.Context(), numbered(1), make([]byte, 1001), time.Time{}); err == nil {
			t.Error("put: got no error, want one")
		}
		kept(t, root, 2, 0)
	})

	t.Run("what is declined, or there already, takes up no room", func(t *testing.T) {
		root := t.TempDir()
		d := openDisk(t, root, tiers.DiskLimits{Size: 1000})
		d.Counted()
		for range 10 {
			putSized(t, d, numbered(0), 300)
			if err := d.WriteNote("a", make([]byte, 300)); err != nil {
				t.Errorf("write note: %v", err)
			}
			if err := d.Put(t.Context(), numbered(1), nil, time.Time{}); err == nil { // a go.mod is not empty
				t.Error("put nothing: got no error, want one")
			}
		}
		putSized(t, d, numbered(2), 400)
		kept(t, root, 3, 0, 2)
	})

	t.Run("without limits nothing is evicted", func(t *testing.T) {
		root := t.TempDir()
		d := openDisk(t, root, tiers.DiskLimits{})
		for i := range 20 {
			putSized(t, d, numbered(i), 1000)
		}
		d.Counted()
		if got := bytesIn(t, root); got != 20000 {
			t.Errorf("on disk: got %d bytes, want 20000", got)
		}
	})

	t.Run("below the floor of free space nothing is kept", func(t *testing.T) {
		root := t.TempDir()
		write(t, root, "example.com/m000/v1.0.0/go.mod", make([]byte, 100))
		var reasons []string
		d := openDisk(t, root, tiers.DiskLimits{Free: 1 << 60, Evicted: func(r string, _ time.Duration) { reasons = append(reasons, r) }})
		d.Counted()
		kept(t, root, 1)
		if !slices.Equal(reasons, []string{"space"}) {
			t.Errorf("Evicted: got %q, want space, once", reasons)
		}
		if err := d.Put(t.Context(), numbered(0), make([]byte, 100), time.Time{}); err == nil {
			t.Error("put: got no error, want one")
		}
		kept(t, root, 1)
	})
}
