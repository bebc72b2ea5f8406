package tiers_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// lengthy returns a version whose name is about as long as they are on average.
func lengthy(i int) module.Version {
	return module.Version{Path: "github.com/organisation/project-" + strconv.Itoa(i%5000), Version: "v1." + strconv.Itoa(i) + ".0"}
}

// leaveRecord writes n lines as an earlier process would have left them, a
// millisecond apart, and returns the disk and the time of the first.
func leaveRecord(b *testing.B, n int) (d *tiers.Disk, first time.Time) {
	b.Helper()
	root := b.TempDir()
	d, err := tiers.OpenDisk(root, tiers.DiskLimits{}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	dir := filepath.Join(root, ".modtier/index")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		b.Fatal(err)
	}
	first = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for at := 0; at < n; {
		when := func() time.Time { return first.Add(time.Duration(at) * time.Millisecond) }
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%019d.ndjson", when().UnixMicro())))
		if err != nil {
			b.Fatal(err)
		}
		w := bufio.NewWriter(f)
		for size := 0; size < 8<<20-200 && at < n; at++ {
			v := lengthy(at)
			k, err := fmt.Fprintf(w, `{"Path":"%s","Version":"%s","Timestamp":"%s"}`+"\n", v.Path, v.Version, when().Format("2006-01-02T15:04:05.000000Z07:00"))
			if err != nil {
				b.Fatal(err)
			}
			size += k
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
	return d, first
}

func BenchmarkRecordAdd(b *testing.B) {
	d, _ := leaveRecord(b, 200_000)
	r := openRecord(b, d, 0)
	b.Run("a new version", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			adds(b, r, module.Version{Path: "example.com/new" + strconv.Itoa(b.N), Version: "v1." + strconv.Itoa(i) + ".0"})
		}
	})
	b.Run("one that is there", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			adds(b, r, lengthy(i%200_000))
		}
	})
}

// A page from the middle of 200,000 lines.
func BenchmarkRecordSince(b *testing.B) {
	const n = 200_000
	d, first := leaveRecord(b, n)
	r := openRecord(b, d, 0)
	for _, page := range []int{1, 2000} {
		b.Run(fmt.Sprintf("%d lines", page), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				from := n/4 + i*7919%(n/2)
				left := page
				for s, err := range r.Since(b.Context(), first.Add(time.Duration(from)*time.Millisecond)) {
					if err != nil || left == page && s.Version != lengthy(from).Version {
						b.Fatalf("line %d: got %v, %v", from, s, err)
					}
					if left--; left == 0 {
						break
					}
				}
			}
		})
	}
}

// What a process does at its start with a million lines, and holds afterwards.
func BenchmarkRecordOfAMillion(b *testing.B) {
	d, first := leaveRecord(b, 1_000_000)
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		r, err := d.OpenRecord(0)
		if err != nil {
			b.Fatal(err)
		}
		told(b, r, first.Add(time.Hour)) // waits until all is read
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-held")
		r.Close()
	}
}
