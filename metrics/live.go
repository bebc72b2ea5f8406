package metrics

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	sampleEvery = 5 * time.Second
	sampleSpan  = 15 * time.Minute
)

// A Live reads the series themselves, and remembers what they were in the last 15
// minutes, so that what a page shows is what Prometheus is told.
//
// The rates of a window are differences of two samples. Each sample takes a few
// kilobytes, and there are never more than those of 15 minutes.
type Live struct {
	metrics *Metrics
	tiers   []string

	mu      sync.Mutex // guards all below
	samples []sample   // the oldest first
}

// Live returns what reads the series of those tiers, the fastest first, and takes the
// first sample.
func (m *Metrics) Live(tiers ...string) *Live {
	l := &Live{metrics: m, tiers: slices.Clone(tiers)}
	l.samples = []sample{l.take()}
	return l
}

// Run samples every 5 seconds until ctx is done.
func (l *Live) Run(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.keep(l.take())
		case <-ctx.Done():
			return
		}
	}
}

// keep adds s, and drops what is too old to begin a window with.
func (l *Live) keep(s sample) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := 0
	for old < len(l.samples) && s.at.Sub(l.samples[old].at) > sampleSpan {
		old++
	}
	l.samples = append(l.samples[:copy(l.samples, l.samples[old:])], s)
}

// A Reading is what the series say now, and by how much they grew in a window.
type Reading struct {
	From, To time.Time     // of the window
	Tiers    []TierReading // the fastest first
	Requests Requests      // in the window
	Total    Requests      // since the start
	Shares   []Share       // of the last 15 minutes, the oldest first
}

// A TierReading is what is counted of a tier.
type TierReading struct {
	Name   string
	Window Counts
	Total  Counts // since the start
}

// Requests are those of clients: probes, scrapes, looks at the page and what instances
// ask of each other are not in them, as on the dashboard.
type Requests struct {
	All     int64 // modtier_requests_total, but for the kinds other and peer
	Failed  int64 // those with a code from 500 on
	Answers map[string]int64
}

// Read takes a sample and compares it to the one of a window ago, or to the oldest
// there is.
func (l *Live) Read(window time.Duration) Reading {
	l.mu.Lock()
	samples := slices.Clone(l.samples)
	l.mu.Unlock()
	now := l.take() // after them: Run may keep another meanwhile
	from := samples[0]
	for _, s := range samples {
		if now.at.Sub(s.at) < window {
			break
		}
		from = s
	}
	r := Reading{
		From:     from.at,
		To:       now.at,
		Requests: now.requests(from),
		Total:    now.requests(sample{}),
		Shares:   shares(append(samples, now)),
	}
	for i, name := range l.tiers {
		r.Tiers = append(r.Tiers, TierReading{name, now.tiers[i].counts(&from.tiers[i]), now.tiers[i].counts(nil)})
	}
	return r
}
