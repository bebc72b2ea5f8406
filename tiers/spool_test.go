package tiers_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// spoolDirs returns the directories of processes that spool below root.
func spoolDirs(t *testing.T, root string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, ".modtier/spool"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestSpools(t *testing.T) {
	t.Run("what a dead process left is removed", func(t *testing.T) {
		root := t.TempDir()
		write(t, root, ".modtier/spool/dead/lock", nil)
		write(t, root, ".modtier/spool/dead/1", []byte("half a zip"))
		if err := os.Mkdir(filepath.Join(root, ".modtier/spool/died at once"), 0o777); err != nil {
			t.Fatal(err)
		}
		openDisk(t, root, tiers.DiskLimits{})
		if got := spoolDirs(t, root); len(got) != 1 || slices.Contains(got, "dead") {
			t.Errorf("spools: got %q, want this process' own", got)
		}
		if got := filesIn(t, root); len(got) != 0 {
			t.Errorf("files: got %q, want none", got)
		}
	})

	t.Run("what a live process has stays", func(t *testing.T) {
		root := t.TempDir()
		first := openDisk(t, root, tiers.DiskLimits{})
		own := spoolDirs(t, root)
		second := openDisk(t, root, tiers.DiskLimits{})
		if got := spoolDirs(t, root); len(got) != 2 || !slices.Contains(got, own[0]) {
			t.Errorf("spools: got %q, want %q and another", got, own)
		}
		if err := first.Save(t.Context(), version, files); err != nil {
			t.Errorf("save: %v", err)
		}
		tierstest.Holds(t, second, version, files)
	})

	t.Run("many processes that start at once leave each other alone", func(t *testing.T) {
		root := t.TempDir()
		for range 30 {
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					d, err := tiers.OpenDisk(root, tiers.DiskLimits{}, slog.New(slog.DiscardHandler))
					if err != nil {
						t.Errorf("open: %v", err)
						return
					}
					defer d.Close()
					if err := d.WriteNote("x", nil); err != nil {
						t.Errorf("write: %v", err)
					}
				})
			}
			wg.Wait()
		}
	})

	t.Run("a process that ends leaves nothing of its own", func(t *testing.T) {
		root := t.TempDir()
		d, err := tiers.OpenDisk(root, tiers.DiskLimits{}, testLog(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Save(t.Context(), version, files); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if got := spoolDirs(t, root); len(got) != 0 {
			t.Errorf("spools: got %q, want none", got)
		}
	})

	t.Run("a directory that cannot be made is an error at the start", func(t *testing.T) {
		root := t.TempDir()
		write(t, root, "file", nil)
		if d, err := tiers.OpenDisk(filepath.Join(root, "file"), tiers.DiskLimits{}, testLog(t)); err == nil {
			d.Close()
			t.Error("open: got no error, want one")
		}
	})
}
