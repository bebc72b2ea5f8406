package metrics

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// A source counts what is opened through it.
type source struct {
	tiers.Source
	lookups   [3]lookups // by tiers.Kind
	open      prometheus.Observer
	readBytes prometheus.Counter
	timer     timer
}

type lookups struct{ hit, miss, err prometheus.Counter }

func (m *Metrics) source(s tiers.Source, tier string) source {
	c := source{
		Source:    s,
		open:      m.operations.WithLabelValues(tier, "open"),
		readBytes: m.readBytes.WithLabelValues(tier),
		timer:     m.TraceID,
	}
	for k, kind := range fileKinds {
		c.lookups[k] = lookups{
			hit:  m.lookups.WithLabelValues(tier, kind, "hit"),
			miss: m.lookups.WithLabelValues(tier, kind, "miss"),
			err:  m.lookups.WithLabelValues(tier, kind, "error"),
		}
	}
	return c
}

// Open opens and counts: a hit, a miss or an error, each file once.
func (c *source) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	start := time.Now()
	o, err := c.Source.Open(ctx, r)
	c.timer.observe(ctx, c.open, time.Since(start))
	l := &c.lookups[r.Kind]
	switch {
	case err == nil:
		l.hit.Inc()
		if o.Size > 0 {
			c.readBytes.Add(float64(o.Size))
		}
	case tiers.AskedAgain(ctx): // the first time counts
	case errors.Is(err, fs.ErrNotExist):
		l.miss.Inc()
	default:
		l.err.Inc()
	}
	return o, err
}

// Source returns s, counted under the name of its tier.
func (m *Metrics) Source(s tiers.Source, tier string) tiers.Source {
	c := m.source(s, tier)
	return &c
}

// A cache counts what is done with a cache.
type cache struct {
	source
	cache   tiers.Cache
	put     prometheus.Observer
	deleted prometheus.Observer
}

// Cache returns c, counted under the name of its tier. Its usage is read when
// Prometheus asks; its limit is in bytes, 0 if it has none.
func (m *Metrics) Cache(c tiers.Cache, tier string, usage func() (bytes, files int64), limit int64) tiers.Cache {
	labels := prometheus.Labels{"tier": tier}
	m.read("tier_bytes", "Bytes that a tier holds.", labels, func() float64 { b, _ := usage(); return float64(b) })
	m.read("tier_files", "Files that a tier holds.", labels, func() float64 { _, f := usage(); return float64(f) })
	m.read("tier_limit_bytes", "Most bytes that a tier holds; 0 is no limit.", labels, func() float64 { return float64(limit) })
	for _, reason := range []string{"size", "space"} {
		m.evictions.WithLabelValues(tier, reason)
	}
	m.evictionAge.WithLabelValues(tier)
	return &cache{
		source:  m.source(c, tier),
		cache:   c,
		put:     m.operations.WithLabelValues(tier, "put"),
		deleted: m.operations.WithLabelValues(tier, "delete"),
	}
}

func (c *cache) Put(ctx context.Context, r tiers.Ref, b []byte, modTime time.Time) error {
	defer func(start time.Time) { c.put.Observe(time.Since(start).Seconds()) }(time.Now())
	return c.cache.Put(ctx, r, b, modTime)
}

func (c *cache) Delete(ctx context.Context, v module.Version) error {
	defer func(start time.Time) { c.deleted.Observe(time.Since(start).Seconds()) }(time.Now())
	return c.cache.Delete(ctx, v)
}

// Evicted counts a file that tier had to give up.
func (m *Metrics) Evicted(tier, reason string, age time.Duration) {
	m.evictions.WithLabelValues(tier, reason).Inc()
	m.evictionAge.WithLabelValues(tier).Observe(age.Seconds())
}

// read makes a gauge whose value is read when Prometheus asks.
func (m *Metrics) read(name, help string, labels prometheus.Labels, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Namespace: "modtier", Name: name, Help: help, ConstLabels: labels}, value))
}
