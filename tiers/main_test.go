package tiers_test

import (
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/memory"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testLog(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// openDisk opens a disk tier in dir for the time of the test.
func openDisk(t *testing.T, dir string, limits tiers.DiskLimits) *tiers.Disk {
	t.Helper()
	d, err := tiers.OpenDisk(dir, limits, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

func openMemory(t *testing.T, size int64) *memory.Cache {
	t.Helper()
	m, err := memory.Open(size, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// leaveThousands leaves the longest claim to the plain disk: here the same code
// would make it good a second time.
func leaveThousands(t *testing.T) {
	if strings.Contains(t.Name(), "/3000_versions") {
		t.Skip("the plain disk shows it")
	}
}

func TestDiskIsACache(t *testing.T) {
	t.Parallel()
	tierstest.TestCache(t, func(t *testing.T) tiers.Cache {
		return openDisk(t, t.TempDir(), tiers.DiskLimits{Size: 1 << 20})
	})
}

func TestDiskIsAStore(t *testing.T) {
	t.Parallel()
	tierstest.TestStore(t, func(t *testing.T) tiers.Store {
		return openDisk(t, t.TempDir(), tiers.DiskLimits{})
	})
}

func TestDiskThatFoldsCaseIsAStore(t *testing.T) {
	t.Parallel()
	tierstest.TestStore(t, func(t *testing.T) tiers.Store {
		leaveThousands(t)
		d := openDisk(t, t.TempDir(), tiers.DiskLimits{})
		d.EscapeNames()
		return d
	})
}

func TestStackIsAStore(t *testing.T) {
	t.Parallel()
	tierstest.TestStore(t, func(t *testing.T) tiers.Store {
		leaveThousands(t)
		disk := openDisk(t, t.TempDir(), tiers.DiskLimits{})
		return &tiers.Stack{
			Caches: []tiers.Cache{openMemory(t, 1<<20), disk},
			Disk:   disk,
			Log:    testLog(t),
		}
	})
}
