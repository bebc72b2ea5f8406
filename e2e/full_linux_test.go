package e2e

import (
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
)

// TestFullDiskServes gives the disk tier a file system of 24 MiB and sends more
// through it than that: what cannot be kept is served all the same.
func TestFullDiskServes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, free string }{
		{"full to the last byte", "MODTIER_DISK_FREE=0"},
		{"under the floor from the start", "MODTIER_DISK_FREE=1GiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			vs := many(20, "example.com/full", 3<<20)
			u := newUpstream(t, vs...)
			g := start(t, options{upstream: u.URL, dir: smallDisk(t), env: []string{c.free}})
			for _, v := range vs {
				g.serves(v)
			}
			if status, text, err := g.get("/readyz"); status != http.StatusOK {
				t.Errorf("/readyz: got status %d, %q, %v, want 200", status, text, err)
			}
			g.rest()
			untorn(t, g.dir, vs)
		})
	}

	t.Run("with room for some of the fills under way, but not for all", func(t *testing.T) {
		// Each of them finds room for itself, and all together do not.
		vs := many(8, "example.com/crowded", 6<<20)
		u := newUpstream(t, vs...)
		together := make(chan struct{})
		for _, v := range vs {
			u.next(v.url("zip"), holdLast(6<<20, together))
		}
		g := start(t, options{upstream: u.URL, dir: smallDisk(t), env: []string{"MODTIER_DISK_FREE=0"}})
		var all sync.WaitGroup
		for _, v := range vs {
			all.Go(func() {
				if err := g.gets(v, "zip"); err != nil {
					t.Error(err)
				}
			})
		}
		eventually(t, "all fills have begun", func() bool {
			begun := 0
			for _, v := range vs {
				begun += min(1, len(u.requests(v.url("zip"))))
			}
			return begun == len(vs)
		})
		close(together)
		all.Wait()
		g.rest()
		untorn(t, g.dir, vs)
		if n := len(kept(t, g.dir)); n == 0 || n == len(vs) {
			t.Errorf("files kept: got %d, want some, or this test has shown nothing", n)
		}
		for _, v := range vs {
			g.serves(v)
		}
	})
}

// smallDisk mounts a file system of 24 MiB until the test has ended.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	dir := t.TempDir()
	if err := syscall.Mount("modtier-e2e", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skip("a small file system cannot be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}
