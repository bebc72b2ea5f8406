package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestDiskStaysWithinItsLimit sends ten times as much through the disk tier as it
// may keep, and asks for one version again and again.
func TestDiskStaysWithinItsLimit(t *testing.T) {
	long(t)
	t.Parallel()
	const limit, size, workers = 50 << 20, 1 << 20, 4
	vs := many(500, "example.com/fetched", size)
	hot := version{path: "example.com/hot", version: "v1.0.0", size: size}
	u := newUpstream(t, append(vs, hot)...)
	g := start(t, options{upstream: u.URL, env: []string{"MODTIER_DISK_SIZE=50MiB"}})
	g.serves(hot)

	// Two files of each worker may be in flight: the one it asks for and,
	// since a client has its last byte before the file has its name, the one before.
	const most = limit + 2*workers*(size+4096)
	var next, peak atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(vs)); i = next.Add(1) - 1 {
				g.serves(vs[i], "zip")
				if i%10 == 0 {
					g.serves(hot)
				}
				n := diskUsage(t, g.dir)
				for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
				}
			}
		})
	}
	all.Wait()
	if got := peak.Load(); got > most || got < limit/2 {
		t.Errorf("most bytes in the directory: got %d, want nearly %d and at most %d", got, limit, most)
	}
	g.rest()
	if got := diskUsage(t, g.dir); got > limit {
		t.Errorf("bytes in the directory at rest: got %d, want at most %d", got, limit)
	}
	if got := g.metric("modtier_tier_bytes", `tier="disk"`); got > limit {
		t.Errorf("bytes held: got %v, want at most %d", got, limit)
	}

	if got := len(u.requests(hot.url("zip"))); got != 1 {
		t.Errorf("fetches of what is asked for again and again: got %d, want 1", got)
	}
	names := kept(t, g.dir)
	for i, v := range vs {
		is := slices.Contains(names, v.name("zip"))
		// Some ten files between are left to the workers' order and to small files.
		if i >= len(vs)-40 && !is {
			t.Errorf("zip %d of %d is gone, though it is one of the most recently used", i, len(vs))
		}
		if i < len(vs)-60 && is {
			t.Errorf("zip %d of %d has stayed, though others were used since", i, len(vs))
		}
	}
	untorn(t, g.dir, append(vs, hot))
}

// diskUsage returns the bytes of all files below dir, each counted once however
// many names it has. It may be called from any goroutine.
func diskUsage(t testing.TB, dir string) (bytes int64) {
	seen := make(map[uint64]bool)
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return gone(err)
		}
		info, err := e.Info()
		if err != nil {
			return gone(err)
		}
		if inode := info.Sys().(*syscall.Stat_t).Ino; !seen[inode] {
			seen[inode] = true
			bytes += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return bytes
}

// gone forgives that a file was evicted while somebody looked.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// TestFullDirectoryServesFromTheStart starts over 100,000 files.
func TestFullDirectoryServesFromTheStart(t *testing.T) {
	long(t)
	t.Parallel()
	dir := t.TempDir()
	vs := crowd(t, dir)
	u := newUpstream(t, vs...)
	// Nothing lies between the opening of the directory and that of the port.
	g := start(t, options{upstream: u.URL, dir: dir, env: []string{"ATHENS_SUM_DBS="}})
	if strings.Contains(g.log.String(), "disk tier counted") {
		t.Error("modtier began to listen when it had counted the directory")
	}
	g.serves(vs[len(vs)/2])
	if got := u.total(); got != 0 {
		t.Errorf("requests to the upstream: got %d, want 0", got)
	}
	line, ok := g.log.await("disk tier counted", g.exited)
	if !ok || line["files"] != float64(3*len(vs)) {
		t.Errorf("counted: got %v, want %d files", line, 3*len(vs))
	}
	g.serves(vs[0])
}

// BenchmarkFirstHitOverManyFiles measures from the start of the process to the end
// of the first hit. The directory has just been written, so the kernel knows it.
func BenchmarkFirstHitOverManyFiles(b *testing.B) {
	dir := b.TempDir()
	vs := crowd(b, dir)
	for b.Loop() {
		binary(b)
		from := time.Now()
		g := start(b, options{dir: dir})
		listening := time.Since(from)
		g.serves(vs[len(vs)/2], "zip")
		first := time.Since(from)
		line, ok := g.log.await("disk tier counted", g.exited)
		if !ok {
			b.Fatal("the directory is not counted")
		}
		b.ReportMetric(milliseconds(listening), "listening-ms")
		b.ReportMetric(milliseconds(first), "first-hit-ms")
		b.ReportMetric(line["duration"].(float64)/1e6, "counted-ms")
		b.ReportMetric(line["files"].(float64), "files")
		b.ReportMetric(0, "ns/op")
		g.stop()
	}
}

// crowd fills a directory with 100,000 small files, and returns their versions.
func crowd(t testing.TB, dir string) []version {
	t.Helper()
	var vs []version
	for m := range 334 {
		for n := range 100 {
			vs = append(vs, version{path: fmt.Sprintf("example.com/crowd%d", m), version: fmt.Sprintf("v1.%d.0", n), size: 10})
		}
	}
	for _, v := range vs {
		if err := os.MkdirAll(filepath.Join(dir, v.path, v.version), 0o777); err != nil {
			t.Fatal(err)
		}
		for _, kind := range kinds {
			if err := os.WriteFile(filepath.Join(dir, v.name(kind)), v.file(kind), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	return vs
}
