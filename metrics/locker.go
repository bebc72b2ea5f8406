package metrics

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modtier/modtier/locks"
)

// A locker counts the locks of one type.
type locker struct {
	locks.Locker
	wait                                      prometheus.Observer
	held                                      prometheus.Gauge
	acquired, waited, timeout, lost, failOpen prometheus.Counter
	timer                                     timer
}

// Locker returns l, counted under the name of its type.
func (m *Metrics) Locker(l locks.Locker, kind string) locks.Locker {
	outcomes := m.counters("locks_total", "Locks asked for, by outcome: acquired, waited (the file was there before the lock), timeout and failed_open (the work went on without it), lost (after it was acquired).", "type", "outcome")
	return &locker{
		Locker:   l,
		wait:     m.histograms("lock_wait_seconds", "Time until a lock was acquired, or was given up.", requestBuckets, "type").WithLabelValues(kind),
		held:     m.gauges("locks_held", "Locks that are held.", "type").WithLabelValues(kind),
		acquired: outcomes.WithLabelValues(kind, "acquired"),
		waited:   outcomes.WithLabelValues(kind, "waited"),
		timeout:  outcomes.WithLabelValues(kind, "timeout"),
		lost:     outcomes.WithLabelValues(kind, "lost"),
		failOpen: outcomes.WithLabelValues(kind, "failed_open"),
		timer:    m.TraceID,
	}
}

func (l *locker) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	start := time.Now()
	held, unlock, err := l.Locker.Lock(ctx, name)
	l.timer.observe(ctx, l.wait, time.Since(start))
	switch {
	case err == nil:
	case errors.Is(err, context.DeadlineExceeded):
		l.timeout.Inc()
		return nil, nil, err
	case errors.Is(err, context.Canceled):
		l.waited.Inc()
		return nil, nil, err
	default:
		l.failOpen.Inc()
		return nil, nil, err
	}
	l.acquired.Inc()
	l.held.Inc()
	stop := context.AfterFunc(held, func() {
		if errors.Is(context.Cause(held), locks.ErrLost) {
			l.lost.Inc()
		}
	})
	return held, sync.OnceFunc(func() {
		stop()
		l.held.Dec()
		unlock()
	}), nil
}
