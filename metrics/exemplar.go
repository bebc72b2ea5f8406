package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A timer observes durations, each with the trace that it was part of as an exemplar,
// if it was of one. A nil timer knows of none.
type timer func(context.Context) (traceID string)

func (t timer) observe(ctx context.Context, o prometheus.Observer, d time.Duration) {
	id := ""
	if t != nil {
		id = t(ctx)
	}
	observe(o, d, id)
}

func observe(o prometheus.Observer, d time.Duration, traceID string) {
	if e, ok := o.(prometheus.ExemplarObserver); ok && traceID != "" {
		e.ObserveWithExemplar(d.Seconds(), prometheus.Labels{"trace_id": traceID})
		return
	}
	o.Observe(d.Seconds())
}
