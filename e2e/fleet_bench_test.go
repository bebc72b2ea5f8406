package e2e

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkFleet has thirty clients ask three gateways at once for a cold zip of
// 10 MiB that upstream sends over two seconds, with locks in Redis. It prints when
// they have the last byte, beside one client of one gateway alone, and beside what
// they would have at best if gateways looked once a second for what another one
// fetches.
func BenchmarkFleet(b *testing.B) {
	const rounds = 5
	for b.Loop() {
		fmt.Printf("\n| seconds to the last byte | mean | to alone | max | to alone | first byte, p50 of the slowest gateway | fetches | reads from a peer |\n" +
			"| --- | --- | --- | --- | --- | --- | --- | --- |\n")
		alone := rush{}
		for range rounds {
			alone.add(newRush(b, 1, 1, newFleet))
		}
		alone.print("one client of one gateway alone", alone)
		waiting := rush{}
		for range rounds {
			waiting.add(newRush(b, 3, 10, newFleet))
		}
		waiting.print("followers wait for the save", alone)
		waiting.polling().print("the same if they looked once a second (computed)", alone)
		peers := rush{}
		for range rounds {
			peers.add(newRush(b, 3, 10, newPeers))
		}
		peers.print("followers read from the leader", alone)
		fmt.Printf("\nThirty clients, three gateways, locks in Redis. Where followers wait, the zip was in the store after %.2f s (median).\n", median(waiting.saved))
		b.ReportMetric(mean(waiting.whole())/mean(alone.whole()), "wait/alone")
		b.ReportMetric(mean(peers.whole())/mean(alone.whole()), "peers/alone")
		b.ReportMetric(0, "ns/op")
	}
}

// A rush is what was measured in some rounds.
type rush struct {
	audiences []audience // one for each gateway of each round
	saved     []float64  // by round: seconds from the start until the zip was in the store
	fetches   int
	reads     float64
}

// An audience are the clients of one gateway. All times are in seconds since the client
// asked.
type audience struct {
	leads              bool // the gateway is the one that fetched
	first, whole, save []float64
}

// newRush has so many clients ask each gateway of a new fleet.
func newRush(b *testing.B, gateways, clients int, newFleet func(testing.TB, int, string, ...string) *fleet) (r rush) {
	v := version{path: "example.com/" + newName(), version: "v1.0.0", size: 10 << 20}
	want := v.file("zip")
	u := newUpstream(b, v)
	u.files[v.url("zip")] = func() []byte { return want } // making it takes longer than sending it
	u.next(v.url("zip"), over(2*time.Second))
	store := newS3Server(b)
	f := newFleet(b, gateways, u.URL, append(lockers(b, "redis"), store.env("", "MODTIER_LOCKS_WAIT=1m")...)...)
	defer func() {
		for _, g := range f.all {
			g.stop()
		}
		store.stop()
	}()

	r.audiences = make([]audience, gateways)
	asked := make([][]time.Time, gateways)
	var all sync.WaitGroup
	from := time.Now()
	for i, g := range f.all {
		c := &r.audiences[i]
		c.first, c.whole, asked[i] = make([]float64, clients), make([]float64, clients), make([]time.Time, clients)
		for n := range clients {
			all.Go(func() {
				asked[i][n] = time.Now()
				d, err := g.begin(v.url("zip"))
				c.first[n] = time.Since(asked[i][n]).Seconds()
				if err == nil {
					err = d.finish()
				}
				c.whole[n] = time.Since(asked[i][n]).Seconds()
				if err == nil {
					err = d.is(want)
				}
				if err != nil {
					b.Error(err)
				}
			})
		}
	}
	leader, _ := f.holder()
	eventually(b, "the zip is in the store", func() bool { return store.exists(v.key("zip")) })
	saved := time.Now()
	all.Wait()
	for i, g := range f.all {
		r.audiences[i].leads = g == leader
		for _, t := range asked[i] {
			r.audiences[i].save = append(r.audiences[i].save, saved.Sub(t).Seconds())
		}
		r.reads += g.peerReads()
	}
	r.saved = []float64{saved.Sub(from).Seconds()}
	r.fetches = len(u.requests(v.url("zip")))
	return r
}

// peerReads returns how many files the gateway has read from others, or tried to.
func (g *gateway) peerReads() (n float64) {
	_, text, err := g.get("/metrics")
	if err != nil {
		g.t.Error(err)
	}
	if strings.Contains(string(text), "\nmodtier_peer_reads_total{") { // else it has no peers
		n = g.metric("modtier_peer_reads_total")
	}
	return n
}

func (r *rush) add(o rush) {
	r.audiences, r.saved = append(r.audiences, o.audiences...), append(r.saved, o.saved...)
	r.fetches, r.reads = r.fetches+o.fetches, r.reads+o.reads
}

// whole returns when each client had the last byte.
func (r rush) whole() (all []float64) {
	for _, c := range r.audiences {
		all = append(all, c.whole...)
	}
	return all
}

// polling returns r as it would be if the gateways that do not fetch looked for the
// zip a second after the request, and each second from there on, and sent it in no
// time once it is there. Clients of the leader have what they had.
func (r rush) polling() rush {
	p := r
	p.audiences = slices.Clone(r.audiences)
	for i, c := range p.audiences {
		if c.leads {
			continue
		}
		p.audiences[i].whole = nil
		for _, save := range c.save {
			p.audiences[i].whole = append(p.audiences[i].whole, math.Floor(save)+1)
		}
		p.audiences[i].first = p.audiences[i].whole
	}
	return p
}

func (r rush) print(name string, alone rush) {
	slowest := 0.0 // of the gateways' medians
	for _, c := range r.audiences {
		slowest = max(slowest, median(c.first))
	}
	whole, least := r.whole(), alone.whole()
	rounds := float64(len(r.saved))
	fmt.Printf("| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.1f | %.1f |\n", name,
		mean(whole), mean(whole)/mean(least), slices.Max(whole), slices.Max(whole)/slices.Max(least), slowest,
		float64(r.fetches)/rounds, r.reads/rounds)
}

func mean(v []float64) (sum float64) {
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
