package tiers_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
)

// notes checks that a note says want.
func notes(t *testing.T, d *tiers.Disk, name, want string) time.Time {
	t.Helper()
	got, at, err := d.ReadNote(name)
	if err != nil || string(got) != want {
		t.Errorf("note %s: got %q, error %v, want %q", name, got, err, want)
	}
	return at
}

func TestNotes(t *testing.T) {
	t.Run("a note that was never written is absent", func(t *testing.T) {
		d := openDisk(t, t.TempDir(), tiers.DiskLimits{})
		if _, _, err := d.ReadNote("sumdb/latest"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("read: got error %v, want fs.ErrNotExist", err)
		}
	})

	t.Run("the last write wins", func(t *testing.T) {
		d := openDisk(t, t.TempDir(), tiers.DiskLimits{})
		start := time.Now().Add(-time.Minute)
		for _, say := range []string{"first", "", "the third"} {
			if err := d.WriteNote("sumdb/latest", []byte(say)); err != nil {
				t.Errorf("write: %v", err)
			}
			if at := notes(t, d, "sumdb/latest", say); at.Before(start) {
				t.Errorf("written: got %v, want now", at)
			}
		}
	})

	t.Run("notes outlive the process, and are no versions", func(t *testing.T) {
		root := t.TempDir()
		d, err := tiers.OpenDisk(root, tiers.DiskLimits{}, testLog(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.WriteNote("example.com/a/v1.0.0/go.mod", []byte("x")); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d = openDisk(t, root, tiers.DiskLimits{})
		notes(t, d, "example.com/a/v1.0.0/go.mod", "x")
		if vs, _, err := d.Catalog(t.Context(), "", 7); err != nil || len(vs) > 0 {
			t.Errorf("catalog: got %v, error %v, want none", vs, err)
		}
	})

	t.Run("notes are counted and evicted as files are", func(t *testing.T) {
		root := t.TempDir()
		write(t, root, ".modtier/notes/old", []byte(strings.Repeat("x", 400)))
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(filepath.Join(root, ".modtier/notes/old"), old, old); err != nil {
			t.Fatal(err)
		}
		d := openDisk(t, root, tiers.DiskLimits{Size: 1000})
		d.Counted()
		for range 3 {
			if err := d.WriteNote("a", []byte(strings.Repeat("a", 300))); err != nil {
				t.Error(err)
			}
		}
		if bytes, files := d.Usage(); bytes != 700 || files != 2 {
			t.Errorf("Usage: got %d bytes in %d files, want 700 in 2", bytes, files)
		}
		notes(t, d, "old", strings.Repeat("x", 400))
		putSized(t, d, numbered(0), 500)
		if _, _, err := d.ReadNote("a"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("read the one that was used least recently: got error %v, want fs.ErrNotExist", err)
		}
		notes(t, d, "old", strings.Repeat("x", 400))
		if err := d.WriteNote("large", make([]byte, 1001)); err == nil {
			t.Error("write more than the limit: got no error, want one")
		}
	})

	t.Run("a name that is no path below the notes is an error", func(t *testing.T) {
		root := t.TempDir()
		write(t, root, "secret", []byte("x"))
		d := openDisk(t, root, tiers.DiskLimits{})
		for _, name := range []string{"", ".", "..", "../x", "../../secret", "/x", "a//b", "a/../../../secret"} {
			if err := d.WriteNote(name, []byte("x")); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("write %q: got error %v, want one that is no absence", name, err)
			}
			if b, _, err := d.ReadNote(name); err == nil {
				t.Errorf("read %q: got %q, want an error", name, b)
			}
		}
	})
}
