package metrics

import (
	"context"
	"errors"
	"io/fs"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modtier/modtier/tiers"
)

// A PeerSource opens files at the holders of locks.
type PeerSource interface {
	Open(ctx context.Context, holder string, r tiers.Ref) (*tiers.Object, error)
}

// peers counts what comes of asking other instances.
type peers struct {
	PeerSource
	whole, absent, late, failed prometheus.Counter
}

// Peers returns s as what a stack asks, counted.
func (m *Metrics) Peers(s PeerSource) tiers.Peers {
	reads := m.counters("peer_reads_total", "Files asked of the instance that holds a lock, by outcome: whole, absent (it neither has it nor fetches it), late (the lock or a store was there first), failed (the fill went on elsewhere).", "outcome")
	for _, kind := range fileKinds {
		m.requestDuration.WithLabelValues(kind, "peer")
		m.responseBytes.WithLabelValues(kind, "peer")
	}
	return &peers{s,
		reads.WithLabelValues("whole"), reads.WithLabelValues("absent"), reads.WithLabelValues("late"), reads.WithLabelValues("failed"),
	}
}

// Done is [tiers.Peers]'s.
func (p *peers) Done(err error) {
	switch {
	case err == nil:
		p.whole.Inc()
	case errors.Is(err, fs.ErrNotExist):
		p.absent.Inc()
	case errors.Is(err, context.Canceled):
		p.late.Inc()
	default:
		p.failed.Inc()
	}
}
