package e2e

import (
	"fmt"
	"io"
	"sync"
	"testing"
	"time"
)

// BenchmarkHitsDuringOutage measures hits while the store is well, is down and
// hangs, in turns. All the time a client asks for a version every 100 ms that only
// the upstream has. While the store is well, its saves take their share of the same
// processors.
func BenchmarkHitsDuringOutage(b *testing.B) {
	const rounds, hits = 5, 1000
	for b.Loop() {
		x := newOutage(b)
		p99 := make(map[string][]float64) // milliseconds, by kind and state
		for range rounds {
			for _, state := range []string{"well", "down", "hanging"} {
				for _, o := range outages {
					if o.name == state {
						o.harm(x.road)
					}
				}
				stop := x.coldEvery(100 * time.Millisecond)
				for _, kind := range []string{"mod", "zip"} {
					p99[kind+state] = append(p99[kind+state], milliseconds(percentile(x.hits(kind, hits), 99)))
				}
				stop()
				x.road.open()
				eventually(b, "the store is well again", func() bool { return x.is("ok") })
				eventually(b, "the queue is empty", func() bool { return x.g.metric("modtier_queue_versions") == 0 })
			}
		}
		fmt.Printf("\n| p99 of hits, ms | well | down | to well | hanging | to well |\n| --- | --- | --- | --- | --- | --- |\n")
		for _, kind := range []string{"mod", "zip"} {
			well, down, hanging := p99[kind+"well"], p99[kind+"down"], p99[kind+"hanging"]
			fmt.Printf("| %s | %.2f | %.2f | %.2f | %.2f | %.2f |\n", kind,
				median(well), median(down), median(ratios(down, well)), median(hanging), median(ratios(hanging, well)))
		}
		b.ReportMetric(float64(x.asked.Load()), "misses")
		b.ReportMetric(0, "ns/op")
		x.g.stop()
	}
}

// hits asks 4 clients' worth of n hits, and returns how long each took.
func (x *outage) hits(kind string, n int) []time.Duration {
	const clients = 4
	took := make([]time.Duration, clients*n)
	url := x.g.url + x.held[0].url(kind)
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := range n {
				from := time.Now()
				resp, err := x.g.client.Get(url)
				if err != nil {
					x.t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				took[c*n+i] = time.Since(from)
			}
		})
	}
	all.Wait()
	return took
}

// coldEvery asks for a new version after each such time, until it is stopped and all
// have been answered.
func (x *outage) coldEvery(d time.Duration) (stop func()) {
	return during(x.t, func(stopped <-chan struct{}) {
		var all sync.WaitGroup
		defer all.Wait()
		ticker := time.NewTicker(d)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				v := x.next()
				all.Go(func() { x.g.serves(v) })
			case <-stopped:
				return
			}
		}
	})
}
