package tiers_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"

	"github.com/modtier/modtier/tiers"
)

func TestSumsProof(t *testing.T) {
	t.Parallel()
	// fails wants that nothing is said of v.
	fails := func(t *testing.T, s *tiers.Sums, v module.Version) {
		t.Helper()
		if got, err := s.Lookup(t.Context(), v); err == nil || errors.Is(err, tiers.ErrUnknown) {
			t.Errorf("lookup %s: got %q, error %v, want one that says nothing", v, got, err)
		}
	}
	t.Run("a record with another hash is not believed", func(t *testing.T) {
		d := newDatabase(t, fake)
		s := openSums(t, d.key, d.read, nil)
		wantLines(t, s, number(1))
		d.answers(func(path string, b []byte) (int, []byte) {
			return 200, bytes.ReplaceAll(b, []byte("h1:zip"), []byte("h1:bad"))
		})
		fails(t, s, number(2))
		if got, err := openSums(t, d.name, d.read, nil).Lookup(t.Context(), number(2)); err != nil || !strings.Contains(got[0], "h1:bad") {
			t.Errorf("without a key: got %q, error %v, want what came", got, err)
		}
		d.answers(nil)
		wantLines(t, s, number(2))
	})
	t.Run("a record of another version is not believed", func(t *testing.T) {
		d := newDatabase(t, fake)
		s := openSums(t, d.key, d.read, nil)
		wantLines(t, s, number(1))
		other, err := d.read(t.Context(), d.name, "lookup/github.com/!azure/many@v1.1.0")
		if err != nil {
			t.Fatal(err)
		}
		d.answers(func(path string, b []byte) (int, []byte) {
			if strings.HasPrefix(path, "lookup/") {
				return 200, other
			}
			return 0, nil
		})
		fails(t, s, number(2))
		fails(t, openSums(t, d.name, d.read, nil), number(2))
	})
	t.Run("tiles that are wrong prove nothing", func(t *testing.T) {
		d := newDatabase(t, fake)
		s := openSums(t, d.key, d.read, openDisk(t, t.TempDir(), tiers.DiskLimits{}))
		for n := range 3 {
			wantLines(t, s, number(n))
		}
		d.answers(func(path string, b []byte) (int, []byte) {
			if strings.HasPrefix(path, "tile/") {
				return 200, make([]byte, len(b))
			}
			return 0, nil
		})
		fails(t, s, number(3))
		d.answers(nil)
		wantLines(t, s, number(3))
	})
	t.Run("a log signed with another key is not believed", func(t *testing.T) {
		d, other := newDatabase(t, fake), newDatabase(t, fake)
		s := openSums(t, d.key, other.read, nil)
		fails(t, s, number(1))
		fails(t, s, number(1))
	})
	t.Run("a database with two logs is never believed again", func(t *testing.T) {
		private, public, err := note.GenerateKey(rand.Reader, databaseName)
		if err != nil {
			t.Fatal(err)
		}
		d := newDatabase(t, fake)
		d.key = public
		one := newRecords(private, fake)
		two := newRecords(private, func(v module.Version) (string, error) {
			s, err := fake(v)
			return strings.ReplaceAll(s, "h1:", "h1:other"), err
		})
		serve(d, one)
		var log bytes.Buffer
		disk := openDisk(t, t.TempDir(), tiers.DiskLimits{})
		s, err := tiers.OpenSums(d.key, d.read, disk, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			wantLines(t, s, number(n))
		}
		serve(d, two)
		for n := range 5 { // the other log has to be the longer one
			if _, err := d.read(t.Context(), d.name, fmt.Sprintf("lookup/example.com/a@v1.%d.0", n)); err != nil {
				t.Fatal(err)
			}
		}
		reopened := openSums(t, d.key, d.read, disk)
		for n := range 3 {
			for _, s := range []*tiers.Sums{s, reopened} {
				if got, err := s.Lookup(t.Context(), number(10+n)); !errors.Is(err, sumdb.ErrSecurity) {
					t.Errorf("got %q, error %v, want ErrSecurity", got, err)
				}
			}
		}
		serve(d, one)
		if got, err := s.Lookup(t.Context(), number(1)); !errors.Is(err, sumdb.ErrSecurity) {
			t.Errorf("of what was proved before: got %q, error %v, want ErrSecurity", got, err)
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 1 || !strings.Contains(log.String(), "proof of misbehavior") {
			t.Errorf("log: got %d errors, want one with the proof:\n%s", n, &log)
		}
	})
}

// serve makes d answer from records.
func serve(d *database, records *sumdb.TestServer) {
	h := sumdb.NewServer(records)
	d.answers(func(path string, _ []byte) (int, []byte) { return record(h, path) })
}

func TestSumsNotes(t *testing.T) {
	t.Parallel()
	kept := func(t *testing.T) (*database, string) {
		d, root := newDatabase(t, fake), t.TempDir()
		disk := openDisk(t, root, tiers.DiskLimits{})
		s := openSums(t, d.key, d.read, disk)
		for n := range 5 {
			wantLines(t, s, number(n))
		}
		d.wasAsked()
		return d, root
	}
	t.Run("what was proved needs not be asked again", func(t *testing.T) {
		d, root := kept(t)
		s := openSums(t, d.key, d.read, openDisk(t, root, tiers.DiskLimits{}))
		for n := range 5 {
			wantLines(t, s, number(n))
		}
		for _, path := range d.wasAsked() {
			if strings.HasPrefix(path, "lookup/") {
				t.Errorf("asked for %s again", path)
			}
		}
		for n := range 5 {
			wantLines(t, s, number(n))
		}
		if asked := d.wasAsked(); len(asked) > 0 {
			t.Errorf("asked for %q again", asked)
		}
	})
	t.Run("notes that are damaged are asked for anew", func(t *testing.T) {
		d, root := kept(t)
		var n int
		err := filepath.WalkDir(filepath.Join(root, ".modtier/notes/sumdb-client"), func(name string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			n++
			return os.WriteFile(name, bytes.Repeat([]byte{'x'}, n%2*100), 0o666)
		})
		if err != nil || n < 7 {
			t.Fatalf("%d notes, error %v", n, err)
		}
		s := openSums(t, d.key, d.read, openDisk(t, root, tiers.DiskLimits{}))
		for n := range 6 {
			wantLines(t, s, number(n))
		}
	})
	t.Run("a disk that keeps nothing costs questions only", func(t *testing.T) {
		d := newDatabase(t, fake)
		s := openSums(t, d.key, d.read, openDisk(t, t.TempDir(), tiers.DiskLimits{Size: 1}))
		for n := range 5 {
			wantLines(t, s, number(n))
		}
		d.wasAsked()
		wantLines(t, s, number(4))
		if asked := d.wasAsked(); len(asked) > 0 {
			t.Errorf("asked for %q again, want it remembered", asked)
		}
	})
}
