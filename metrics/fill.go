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

// Filled counts a fill that is over. ctx is of its work.
func (m *Metrics) Filled(ctx context.Context, f tiers.Fill) {
	t := timer(m.TraceID)
	if f.Unkept != nil {
		m.unkept.Inc()
		if f.Err != nil {
			return // there was no spool, which is nobody's failure below: who asks is served straight from there
		}
	}
	m.fills.WithLabelValues(cmp.Or(f.Source, "upstream"), outcome(f.Err)).Inc()
	m.fillFollowers.Observe(float64(f.Followers))
	if f.FirstByte > 0 {
		t.observe(ctx, m.fillFirstByte, f.FirstByte)
	}
	if f.Err == nil {
		t.observe(ctx, m.fillDuration, f.Duration)
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
