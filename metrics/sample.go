package metrics

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// A sample is what the series were at a moment. Nobody changes it.
type sample struct {
	at          time.Time
	tiers       []tierSample
	answers     map[string]int64 // files, by who served them
	all, failed int64            // requests
}

type tierSample struct {
	answers, hits, misses, errors, bytes int64
	opens                                []int64 // cumulative: one for each of requestBuckets, and one for all
}

func (l *Live) take() sample {
	m := l.metrics
	s := sample{at: time.Now(), tiers: make([]tierSample, len(l.tiers)), answers: make(map[string]int64)}
	collect(m.requests, func(series *dto.Metric) {
		if kind := label(series, "kind"); kind == "other" || kind == "peer" {
			return
		}
		n := int64(series.GetCounter().GetValue())
		s.all += n
		if label(series, "code") >= "500" {
			s.failed += n
		}
	})
	collect(m.requestDuration, func(series *dto.Metric) {
		if slices.Contains(fileKinds, label(series, "kind")) {
			s.answers[label(series, "served_by")] += int64(series.GetHistogram().GetSampleCount())
		}
	})
	for i, tier := range l.tiers {
		t := &s.tiers[i]
		t.answers = s.answers[tier]
		for _, kind := range fileKinds {
			if tier == "memory" && kind == "zip" {
				continue // it is never there, which is no miss: Cache-Status calls it a bypass
			}
			t.hits += m.lookedUp(tier, kind, "hit")
			t.misses += m.lookedUp(tier, kind, "miss")
			t.errors += m.lookedUp(tier, kind, "error")
		}
		t.bytes = int64(read(m.readBytes.WithLabelValues(tier)).GetCounter().GetValue())
		h := read(m.operations.WithLabelValues(tier, "open").(prometheus.Metric)).GetHistogram()
		for _, b := range h.GetBucket() {
			t.opens = append(t.opens, int64(b.GetCumulativeCount()))
		}
		t.opens = append(t.opens, int64(h.GetSampleCount()))
	}
	return s
}

func (m *Metrics) lookedUp(tier, kind, result string) int64 {
	return int64(read(m.lookups.WithLabelValues(tier, kind, result)).GetCounter().GetValue())
}

// collect calls do for each series of c.
func collect(c prometheus.Collector, do func(*dto.Metric)) {
	all := make(chan prometheus.Metric)
	go func() {
		defer close(all)
		c.Collect(all)
	}()
	for metric := range all {
		do(read(metric))
	}
}

func read(m prometheus.Metric) *dto.Metric {
	var d dto.Metric
	_ = m.Write(&d) // ours are sound: Prometheus would be told of one that is not
	return &d
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.Label {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// requests returns by how many there are more in s than in from.
func (s sample) requests(from sample) Requests {
	return Requests{s.all - from.all, s.failed - from.failed, s.answered(from)}
}

// answered returns who served how many files between from and s, without those who
// served none.
func (s sample) answered(from sample) map[string]int64 {
	by := make(map[string]int64)
	for who, n := range s.answers {
		if n -= from.answers[who]; n > 0 {
			by[who] = n
		}
	}
	return by
}
