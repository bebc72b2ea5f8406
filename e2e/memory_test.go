package e2e

import (
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestBigZipForManyClients sends a zip to 20 clients that is larger than all of
// them could have in memory.
func TestBigZipForManyClients(t *testing.T) {
	long(t)
	t.Parallel()
	v := version{path: "example.com/big", version: "v1.0.0", size: 64 << 20}
	want := v.file("zip")
	u := newUpstream(t, v)
	g := start(t, options{upstream: u.URL, env: []string{"GOMEMLIMIT=128MiB"}})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			d, err := g.begin(v.url("zip"))
			if err == nil {
				err = d.finish()
			}
			if err == nil {
				err = d.is(want)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := len(u.requests(v.url("zip"))); got != 1 {
		t.Errorf("fetches: got %d, want 1", got)
	}
	g.rest()
	untorn(t, g.dir, []version{v})
}

// BenchmarkMemory has 50 clients ask at once for a zip of 1 GiB, once cold and once
// from disk, and reads the most memory that modtier ever had resident.
func BenchmarkMemory(b *testing.B) {
	const clients = 50
	v := version{path: "example.com/huge", version: "v1.0.0", size: 1 << 30}
	name := filepath.Join(b.TempDir(), "huge.zip")
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	sum := crc32.New(castagnoli)
	if err := v.writeZip(io.MultiWriter(f, sum)); err != nil {
		b.Fatal(err)
	}
	u := newUpstream(b, v)
	u.files[v.url("zip")] = func() []byte { return nil }
	u.next(v.url("zip"), func(w http.ResponseWriter, r *http.Request, _ []byte) {
		http.ServeContent(w, r, "", time.Now(), f)
	})
	for b.Loop() {
		g := start(b, options{upstream: u.URL, env: []string{"GOMEMLIMIT=128MiB"}})
		for _, how := range []string{"cold", "warm"} {
			from := time.Now()
			var all sync.WaitGroup
			for range clients {
				all.Go(func() {
					got, err := sumOfBody(g.url + v.url("zip"))
					if err != nil || got != sum.Sum32() {
						b.Errorf("got a body with sum %x, %v, want %x", got, err, sum.Sum32())
					}
				})
			}
			all.Wait()
			b.ReportMetric(time.Since(from).Seconds(), how+"-s")
			b.ReportMetric(peakMemory(b, g.cmd.Process.Pid), how+"-peak-MiB")
		}
		b.ReportMetric(float64(len(u.requests(v.url("zip")))), "fetches")
		b.ReportMetric(0, "ns/op")
		g.stop()
	}
}

func sumOfBody(url string) (uint32, error) {
	resp, err := http.Get(url)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	sum := crc32.New(castagnoli)
	_, err = io.CopyBuffer(sum, resp.Body, make([]byte, 256<<10))
	return sum.Sum32(), err
}

// peakMemory returns the most MiB that a process ever had resident.
func peakMemory(b *testing.B, pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("memory is read from /proc: ", err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kB, err := strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kB / 1024
}
