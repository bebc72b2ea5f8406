package metrics

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// A store counts what is done with a store.
type store struct {
	source
	store               tiers.Store
	list, delete        prometheus.Observer
	save                prometheus.Observer
	ok, whole, saveFail prometheus.Counter
}

// Store returns s, counted under the name of its tier.
func (m *Metrics) Store(s tiers.Store, tier string) tiers.Store {
	m.saves.WithLabelValues(tier, "conflict")
	return &store{
		source:   m.source(s, tier),
		store:    s,
		list:     m.operations.WithLabelValues(tier, "list"),
		delete:   m.operations.WithLabelValues(tier, "delete"),
		save:     m.saveDuration.WithLabelValues(tier),
		ok:       m.saves.WithLabelValues(tier, "ok"),
		whole:    m.saves.WithLabelValues(tier, "whole"),
		saveFail: m.saves.WithLabelValues(tier, "error"),
	}
}

func (s *store) Save(ctx context.Context, v module.Version, f tiers.Files) error {
	start := time.Now()
	err := s.store.Save(ctx, v, f)
	switch {
	case err == nil:
		s.ok.Inc()
		s.timer.observe(ctx, s.save, time.Since(start))
	case errors.Is(err, tiers.ErrWhole):
		s.whole.Inc()
	default:
		s.saveFail.Inc()
	}
	return err
}

func (s *store) Versions(ctx context.Context, path string) ([]string, error) {
	defer s.since(s.list, time.Now())
	return s.store.Versions(ctx, path)
}

func (s *store) Delete(ctx context.Context, v module.Version) error {
	defer s.since(s.delete, time.Now())
	return s.store.Delete(ctx, v)
}

func (s *store) Catalog(ctx context.Context, token string, n int) ([]module.Version, string, error) {
	defer s.since(s.list, time.Now())
	return s.store.Catalog(ctx, token, n)
}

func (s *store) since(o prometheus.Observer, start time.Time) { o.Observe(time.Since(start).Seconds()) }

// Differs counts a save that a store kept out, since it has other content.
func (m *Metrics) Differs(d tiers.Difference) { m.saves.WithLabelValues(d.Store, "conflict").Inc() }

// Verified counts a verification.
func (m *Metrics) Verified(result string) { m.verifications.WithLabelValues(result).Inc() }

// State reads how a store is when Prometheus asks.
func (m *Metrics) State(tier string, state func() (tiers.State, error)) {
	for _, s := range []tiers.State{tiers.OK, tiers.Unstable, tiers.Down} {
		m.read("tier_state", "1 for the state that a store is in: ok, unstable (it failed a short time ago) or down (it is not asked).",
			prometheus.Labels{"tier": tier, "state": s.String()}, func() float64 {
				if now, _ := state(); now == s {
					return 1
				}
				return 0
			})
	}
}

// Queue reads what waits for a save.
func (m *Metrics) Queue(q *tiers.Queue) {
	m.read("queue_versions", "Versions that wait for a save.", nil, func() float64 { return float64(q.Versions()) })
	m.read("queue_bytes", "Bytes of files that wait for a save.", nil, func() float64 { return float64(q.Bytes()) })
	m.read("queue_oldest_seconds", "For how long the oldest version has waited; 0 if none waits.", nil, func() float64 { return q.Oldest().Seconds() })
	m.read("queue_limit_bytes", "Bytes waiting from which on fills wait for their saves; 0 is no limit.", nil, func() float64 { return float64(q.Size) })
	m.read("queue_limit_seconds", "Age of the oldest version from which on they do so; 0 is no limit.", nil, func() float64 { return q.Age.Seconds() })
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "modtier",
		Name:      "queue_recovered_total",
		Help:      "Versions that an earlier process left waiting, found at the start.",
	}, func() float64 { return float64(q.Recovered()) }))
}
