package e2e

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestManyClientsCauseOneFetchAndWaitForNobody has all clients come while the
// upstream keeps the last part back, until each of them has got its first byte.
func TestManyClientsCauseOneFetchAndWaitForNobody(t *testing.T) {
	t.Parallel()
	v := version{path: "example.com/wanted", version: "v1.0.0", size: 10 << 20}
	want := v.file("zip")
	u := newUpstream(t, v)
	last := make(chan struct{})
	u.next(v.url("zip"), holdLast(1<<20, last))
	g := start(t, options{upstream: u.URL})

	// The one for whom the fill began leaves.
	gone, err := g.begin(v.url("zip"))
	if err != nil {
		t.Fatal(err)
	}
	gone.hangUp()
	// One reads nothing more until all others are through.
	slow, err := beginOver(narrow(), g.url, v.url("zip"))
	if err != nil {
		t.Fatal(err)
	}

	const clients = 20
	downloads := make([]*download, clients)
	var began sync.WaitGroup
	for i := range downloads {
		began.Go(func() {
			var err error
			if downloads[i], err = g.begin(v.url("zip")); err != nil {
				t.Errorf("the first byte, with the upstream's last one outstanding: %v", err)
			}
		})
	}
	began.Wait()
	if t.Failed() {
		t.FailNow()
	}
	close(last)
	var ended sync.WaitGroup
	for _, d := range downloads {
		ended.Go(func() {
			err := d.finish()
			if err == nil {
				err = d.is(want)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	ended.Wait()
	if err := slow.finish(); err != nil {
		t.Errorf("the slow client: %v", err)
	} else if err := slow.is(want); err != nil {
		t.Errorf("the slow client: %v", err)
	}

	if got := len(u.requests(v.url("zip"))); got != 1 {
		t.Errorf("fetches: got %d, want 1", got)
	}
	g.rest()
	if got := g.metric("modtier_fills_total", `outcome="ok"`); got != 1 {
		t.Errorf("fills: got %v, want 1", got)
	}
	if got := g.metric("modtier_collapsed_requests_total"); got != clients+1 {
		t.Errorf("collapsed requests: got %v, want %d", got, clients+1)
	}
	untorn(t, g.dir, []version{v})
}

// BenchmarkColdZip has 20 clients ask at once for a 10 MiB zip that the upstream
// sends over two seconds.
func BenchmarkColdZip(b *testing.B) {
	const clients = 20
	v := version{path: "example.com/wanted", version: "v1.0.0", size: 10 << 20}
	want := v.file("zip")
	for b.Loop() {
		u := newUpstream(b, v)
		u.files[v.url("zip")] = func() []byte { return want } // making it takes longer than sending it
		u.next(v.url("zip"), over(2*time.Second))
		g := start(b, options{upstream: u.URL})
		var first, whole [clients]time.Duration
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				from := time.Now()
				d, err := g.begin(v.url("zip"))
				first[i] = time.Since(from)
				if err == nil {
					err = d.finish()
				}
				whole[i] = time.Since(from)
				if err == nil {
					err = d.is(want)
				}
				if err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
		b.ReportMetric(milliseconds(percentile(first[:], 50)), "first-byte-p50-ms")
		b.ReportMetric(milliseconds(percentile(first[:], 100)), "first-byte-max-ms")
		b.ReportMetric(milliseconds(percentile(whole[:], 100)), "whole-max-ms")
		b.ReportMetric(float64(len(u.requests(v.url("zip")))), "fetches")
		b.ReportMetric(0, "ns/op")
	}
}

func percentile(d []time.Duration, p int) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[max(0, (len(d)*p+99)/100-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// TestHitsDoNotWaitForMisses has as many misses hang as there may be fills, and
// asks for what is held.
func TestHitsDoNotWaitForMisses(t *testing.T) {
	t.Parallel()
	h := newHanging(t, 40)
	for range 50 {
		h.g.serves(h.held) // info and go.mod from memory, zip from disk
		if status, list, err := h.g.get("/example.com/held/@v/list"); status != http.StatusOK || string(list) != "v1.0.0\n" {
			t.Fatalf("the list: status %d, %q, %v", status, list, err)
		}
	}
	if n := h.answered(); n != 0 {
		t.Fatalf("%d of the misses are answered, so this test has shown nothing", n)
	}
	close(h.release)
	for range h.missing {
		if err := <-h.ended; err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkHitsDuringMisses measures hits while 40 misses hang.
func BenchmarkHitsDuringMisses(b *testing.B) {
	h := newHanging(b, 40)
	for b.Loop() {
		for _, kind := range []string{"mod", "zip"} {
			const clients, hits = 4, 1000
			took := make([]time.Duration, clients*hits)
			var all sync.WaitGroup
			for c := range clients {
				all.Go(func() {
					for i := range hits {
						from := time.Now()
						resp, err := h.g.client.Get(h.g.url + h.held.url(kind))
						if err != nil {
							b.Error(err)
							return
						}
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
						took[c*hits+i] = time.Since(from)
					}
				})
			}
			all.Wait()
			b.ReportMetric(milliseconds(percentile(took, 50)), kind+"-p50-ms")
			b.ReportMetric(milliseconds(percentile(took, 99)), kind+"-p99-ms")
		}
		b.ReportMetric(float64(h.answered()), "misses-answered")
		b.ReportMetric(0, "ns/op")
	}
	close(h.release)
	for range h.missing {
		<-h.ended
	}
}

// hanging is a gateway that holds one version, and has misses hang in the upstream.
type hanging struct {
	g       *gateway
	held    version
	missing []version
	release chan struct{} // close it to have the upstream answer
	ended   chan error    // one for each miss
}

func newHanging(t testing.TB, misses int) *hanging {
	t.Helper()
	h := &hanging{
		held:    version{path: "example.com/held", version: "v1.0.0", size: 167_000},
		missing: many(misses, "example.com/missing", 1000),
		release: make(chan struct{}),
		ended:   make(chan error, misses),
	}
	u := newUpstream(t, append(h.missing, h.held)...)
	h.g = start(t, options{upstream: u.URL, env: []string{"MODTIER_FILLS=40"}})
	h.g.serves(h.held)
	h.g.get("/example.com/held/@v/list")
	h.g.rest()
	for _, v := range h.missing {
		u.next(v.url("zip"), u.hang(h.release))
		go func() {
			d, err := h.g.begin(v.url("zip"))
			if err == nil {
				err = d.finish()
			}
			if err == nil {
				err = d.is(v.file("zip"))
			}
			h.ended <- err
		}()
	}
	eventually(t, "all misses hang in the upstream", func() bool {
		n := 0
		for _, v := range h.missing {
			n += len(u.requests(v.url("zip")))
		}
		return n == misses
	})
	return h
}

// answered returns how many misses have an answer.
func (h *hanging) answered() int { return len(h.ended) }
