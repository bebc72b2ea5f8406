package tiers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// small makes dir a file system of its own, of 4 MiB.
func small(t *testing.T, dir string) { mount(t, dir, "size=4m") }

func mount(t *testing.T, dir, options string) {
	t.Helper()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options)
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("only root may mount a file system")
	}
	if err != nil {
		t.Skipf("no file system to fill up: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
}

// freeIn returns the bytes free in dir's file system.
func freeIn(t *testing.T, dir string) int64 {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}

// fillUp has somebody else leave that many bytes free in dir's file system.
func fillUp(t *testing.T, dir string, free int64) {
	t.Helper()
	write(t, dir, "ballast", make([]byte, freeIn(t, dir)-free))
}

// smallStack is a stack whose disk tier has that many bytes of a file system.
func smallStack(t *testing.T, free int64, answer answer) *stack {
	t.Helper()
	dir := t.TempDir()
	small(t, dir)
	s := newStackIn(t, dir, tiers.DiskLimits{}, answer)
	fillUp(t, dir, free)
	return s
}

// unsized answers with the files of version, and does not say how large they are.
func unsized(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	o, err := has(ctx, r)
	if err == nil {
		o.Size = -1
	}
	return o, err
}

// A slow body gives everybody time to do something between its pieces.
type slow struct{ io.Reader }

func (s slow) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return s.Reader.Read(p[:min(len(p), 32<<10)])
}

func (slow) Close() error { return nil }

func TestFullFileSystem(t *testing.T) {
	for _, c := range []struct {
		claim  string
		answer answer
		kinds  []tiers.Ref
	}{
		{"what does not fit is served and not kept", has, []tiers.Ref{info, mod, zip}},
		{"what turns out not to fit is served and not kept, if it is small", unsized, []tiers.Ref{info, mod}},
	} {
		claim(t, c.claim, func(t *testing.T) {
			s := smallStack(t, 0, c.answer)
			for _, r := range c.kinds {
				for _, c := range s.asks(t, r, 3) {
					c.gotAll(t, content(r))
				}
				tierstest.Lacks(t, s.Disk, version, r.Kind)
			}
		})
	}

	claim(t, "a zip that does not fit is served and not kept", func(t *testing.T) {
		large := tierstest.Bytes(tierstest.Large(version, "a", 1<<20), tiers.Zip)
		s := smallStack(t, 512<<10, func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
			return &tiers.Object{Body: slow{bytes.NewReader(large)}, Size: int64(len(large)), Tier: "upstream"}, nil
		})
		clients := s.asks(t, zip, 3)
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, c := range clients {
			c.gotAll(t, large)
		}
		tierstest.Lacks(t, s.Disk, version)
	})

	claim(t, "of large zips that come at once, those that do not fit beside the others are served and not kept", func(t *testing.T) {
		large := func(r tiers.Ref) []byte { return tierstest.Bytes(tierstest.Large(r.Module(), "a", 1<<20), tiers.Zip) }
		s := smallStack(t, 2<<20+512<<10, func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
			b := large(r)
			return &tiers.Object{Body: slow{bytes.NewReader(b)}, Size: int64(len(b)), Tier: "upstream"}, nil
		})
		var clients []*client
		for i := range 4 {
			clients = append(clients, s.ask(t, tierstest.Ref(nth(i), tiers.Zip)))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		kept := 0
		for i, c := range clients {
			r := tierstest.Ref(nth(i), tiers.Zip)
			c.gotAll(t, large(r))
			if _, _, err := s.Disk.Look(t.Context(), r); err == nil {
				kept++
			}
		}
		if kept != 2 {
			t.Errorf("on disk: got %d zips, want the two that fit", kept)
		}
		if err := os.Remove(filepath.Join(s.dir, "ballast")); err != nil {
			t.Fatal(err)
		}
		r := tierstest.Ref(nth(9), tiers.Zip)
		s.asks(t, r, 1)
		time.Sleep(time.Minute)
		synctest.Wait()
		tierstest.HoldsFile(t, s.Disk, r, large(r)) // what was announced and is over takes no room
	})

	claim(t, "a zip that turns out not to fit is an error half-way, and not kept", func(t *testing.T) {
		large := tierstest.Bytes(tierstest.Large(version, "a", 1<<20), tiers.Zip)
		d := newDrip(-1)
		s := smallStack(t, 512<<10, d.answer)
		clients := s.asks(t, zip, 3)
		d.send(t, large[:1000])
		go d.w.Write(large[1000:])
		s.Drain(t.Context())
		d.end(nil)
		for _, c := range clients {
			c.failed(t, syscall.ENOSPC)
			if len(c.got) >= len(large) {
				t.Errorf("client: got %d bytes, want fewer than %d", len(c.got), len(large))
			}
		}
		tierstest.Lacks(t, s.Disk, version)
		if got := freeIn(t, s.dir); got < 500<<10 {
			t.Errorf("free again: got %d bytes, want 500 KiB", got)
		}
	})

	claim(t, "many fills at once that do not all fit are whole or errors, served and kept", func(t *testing.T) {
		answer := func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
			o := tiers.NewObject(tierstest.Bytes(tierstest.Large(r.Module(), "a", 1<<20), tiers.Zip), time.Time{}, "upstream")
			o.Size = -1
			return o, nil
		}
		s := smallStack(t, 3<<20, answer)
		var clients []*client
		var all []module.Version
		for i := range 8 {
			v := module.Version{Path: "example.com/many", Version: fmt.Sprintf("v1.0.%d", i)}
			all = append(all, v)
			clients = append(clients, s.ask(t, tierstest.Ref(v, tiers.Zip)))
		}
		synctest.Wait()
		for i, c := range clients {
			want := tierstest.Bytes(tierstest.Large(all[i], "a", 1<<20), tiers.Zip)
			if c.err == nil {
				c.gotAll(t, want)
			} else {
				c.failed(t, syscall.ENOSPC)
			}
			if b, err := tierstest.ReadFile(t.Context(), s.Disk, tierstest.Ref(all[i], tiers.Zip)); err == nil && string(b) != string(want) {
				t.Errorf("on disk: got %d bytes of %s, want %d", len(b), all[i], len(want))
			}
		}
	})

	t.Run("a save that does not fit lists nothing, and one repeated when there is room heals", func(t *testing.T) {
		dir := t.TempDir()
		small(t, dir)
		d := openDisk(t, dir, tiers.DiskLimits{})
		large := tierstest.Large(version, "a", 1<<20)
		for _, free := range []int64{0, 512 << 10, large.Zip.Size()} { // the last for the zip alone
			fillUp(t, dir, free)
			if err := d.Save(t.Context(), version, large); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("save with %d bytes free: got error %v, want one that is no absence", free, err)
			}
			tierstest.Lists(t, d, version.Path)
			if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Save(t.Context(), version, large); err != nil {
			t.Errorf("save with room: %v", err)
		}
		tierstest.Holds(t, d, version, large)
	})

	t.Run("the floor of free space holds, and what is used least goes first", func(t *testing.T) {
		dir := t.TempDir()
		small(t, dir)
		const floor = 1 << 20
		evicted := make(map[string]int)
		d := openDisk(t, dir, tiers.DiskLimits{Free: floor, Evicted: func(reason string, _ time.Duration) { evicted[reason]++ }})
		d.Counted()
		for i := range 60 {
			putSized(t, d, numbered(i), 100<<10)
			use(t, d, numbered(0))
			use(t, d, numbered(i))
			if got := freeIn(t, dir); got < floor {
				t.Errorf("free after %d files: got %d bytes, want at least %d", i, got, floor)
			}
		}
		if evicted["space"] < 30 || evicted["size"] > 0 {
			t.Errorf("Evicted: got %v, want some 35 for space", evicted)
		}
	})

	t.Run("what leaves no room is not kept, though there is nothing to evict", func(t *testing.T) {
		dir := t.TempDir()
		small(t, dir)
		d := openDisk(t, dir, tiers.DiskLimits{Free: 1 << 20})
		d.Counted()
		fillUp(t, dir, 1<<20+100<<10)
		if err := d.Put(t.Context(), numbered(0), make([]byte, 200<<10), time.Time{}); err == nil {
			t.Error("put: got no error, want one")
		}
		if got := freeIn(t, dir); got < 1<<20 {
			t.Errorf("free: got %d bytes, want at least 1 MiB", got)
		}
	})

	t.Run("a tier on a full file system opens, and serves what it has", func(t *testing.T) {
		dir := t.TempDir()
		small(t, dir)
		writeAthens(t, dir, version.Path+"/"+version.Version, files)
		fillUp(t, dir, 0)
		d := openDisk(t, dir, tiers.DiskLimits{})
		tierstest.Holds(t, d, version, files)
	})

	t.Run("a tier without room for its own files is an error at the start, or opens", func(t *testing.T) {
		for inodes := 1; inodes < 10; inodes++ {
			t.Run(fmt.Sprint(inodes, " files"), func(t *testing.T) {
				dir := t.TempDir()
				mount(t, dir, fmt.Sprintf("size=4m,nr_inodes=%d", inodes)) // unmounted only if nothing is left open
				d, err := tiers.OpenDisk(dir, tiers.DiskLimits{}, testLog(t))
				if err == nil {
					err = d.Close()
				} else if !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("open: got error %v, want ENOSPC", err)
				}
				if err != nil && inodes > 7 {
					t.Errorf("open: got error %v with room for all", err)
				}
			})
		}
	})
}
