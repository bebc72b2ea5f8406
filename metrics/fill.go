package metrics

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modtier/modtier/tiers"
)

// Filled counts a fill that is over.
func (m *Metrics) Filled(f tiers.Fill) { m.filled(f, "") }

// FilledIn counts a fill that is over, of the trace that its context is recorded in.
func (m *Metrics) FilledIn(ctx context.Context, f tiers.Fill) {
	id := ""
	if m.TraceID != nil {
		id = m.TraceID(ctx)
	}
	m.filled(f, id)
}

func (m *Metrics) filled(f tiers.Fill, traceID string) {
	m.fills.WithLabelValues(cmp.Or(f.Source, "upstream"), outcome(f.Err)).Inc()
	m.fillFollowers.Observe(float64(f.Followers))
	if f.FirstByte > 0 {
		observe(m.fillFirstByte, f.FirstByte, traceID)
	}
	if f.Err == nil && !f.Kept {
		m.unkept.Inc()
	}
	if f.Err == nil {
		observe(m.fillDuration, f.Duration, traceID)
	}
}

func outcome(err error) string {
	var netErr net.Error
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, fs.ErrNotExist):
		return "absent"
	case errors.Is(err, tiers.ErrCorrupt):
		return "corrupt"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return "timeout"
	}
	return "error"
}

// Stack reads from s what is in flight.
func (m *Metrics) Stack(s *tiers.Stack) {
	m.read("fills_in_flight", "Fills that are under way.", nil, func() float64 { return float64(s.Filling()) })
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "modtier",
		Name:      "collapsed_requests_total",
		Help:      "Requests that joined a fill which another request had begun.",
	}, func() float64 { return float64(s.Collapsed()) }))
}
