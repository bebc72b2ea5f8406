package tiers_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/modtier/modtier/tiers"
)

// A process that was stopped in the middle of an append keeps the lock.
func TestRecordIsNotHeldUpByAProcessThatHangs(t *testing.T) {
	t.Run("what it cannot add it says, and it goes on after that", func(t *testing.T) {
		dir := t.TempDir()
		d := openDisk(t, dir, tiers.DiskLimits{})
		r := openRecord(t, d, 0)
		if err := r.Add(nth(0)); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(filepath.Join(dir, ".modtier/index/lock"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			t.Fatal(err)
		}
		r.Impatient()
		if err := r.Add(nth(1)); err == nil || !strings.Contains(err.Error(), "another process") {
			t.Errorf("got %v, want that another process has the lock", err)
		}
		f.Close()
		if err := r.Add(nth(1)); err != nil {
			t.Error(err)
		}
	})
}
