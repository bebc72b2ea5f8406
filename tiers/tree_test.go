package tiers_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write writes a file below dir, as Athens or a person would.
func write(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

// filesIn returns the names of all files in and below dir, but for those that
// tell other processes that this one lives.
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		own := strings.HasPrefix(name, ".modtier/spool/") && (e.Name() == "lock" || e.Name() == "Case")
		if !e.IsDir() && !own {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// bytesIn returns the size of all files in and below dir, without our own.
func bytesIn(t *testing.T, dir string) (sum int64) {
	t.Helper()
	for _, name := range filesIn(t, dir) {
		if strings.HasPrefix(name, ".modtier/spool/") {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sum += info.Size()
	}
	return sum
}

// block puts a file where a directory was, for the time of the test.
func block(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	write(t, dir, name, nil)
	t.Cleanup(func() { os.Remove(filepath.Join(dir, name)) })
}
