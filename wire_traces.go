package main

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/modtier/modtier/config"
	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/traces"
)

// openTraces finds out where traces go. If they go nowhere, what follows returns what
// it is given, so that nothing on the way of a request is another than without.
func (s *service) openTraces(ctx context.Context, c *config.Config, v version, m *metrics.Metrics, log *slog.Logger) (err error) {
	s.traces, err = traces.Open(ctx, traces.Config{
		Exporter: c.TraceExporter,
		URL:      c.TraceExporterURL,
		Fraction: c.TraceSamplingFraction,
		Version:  v.Version,
		Log:      log,
	})
	if s.traces != nil {
		log.Info("requests are traced")
		m.TraceID = traces.ID
		s.closers = append(s.closers, func() { s.closeTraces(context.Background()) })
	}
	return err
}

// closeTraces sends the last spans.
func (s *service) closeTraces(ctx context.Context) {
	if s.traces != nil {
		s.traces.Close(ctx)
	}
}

func (s *service) tracedLog(log *slog.Logger) *slog.Logger {
	if s.traces == nil {
		return log
	}
	return slog.New(traces.Log(log.Handler()))
}

func (s *service) tracedSource(source tiers.Source, name string) tiers.Source {
	if s.traces == nil {
		return source
	}
	return s.traces.Source(source, name)
}

func (s *service) tracedCache(c tiers.Cache, name string) tiers.Cache {
	if s.traces == nil {
		return c
	}
	return s.traces.Cache(c, name)
}

func (s *service) tracedStore(store tiers.Store, name string) tiers.Store {
	if s.traces == nil {
		return store
	}
	return s.traces.Store(store, name)
}

func (s *service) tracedAnswers(a gateway.Upstream) gateway.Upstream {
	if s.traces == nil {
		return a
	}
	return s.traces.Answers(a, "upstream")
}

func (s *service) tracedPeers(p tiers.Peers) tiers.Peers {
	if s.traces == nil {
		return p
	}
	return s.traces.Peers(p)
}

func (s *service) tracedLocker(l locks.Locker, kind string) locks.Locker {
	if s.traces == nil {
		return l
	}
	return s.traces.Locker(l, kind)
}

func (s *service) tracedHandler(h http.Handler) http.Handler {
	if s.traces == nil {
		return h
	}
	return s.traces.Handler("store", h)
}

// watch traces fills and saves. Those that are traced are counted with their trace.
func (s *service) watch(m *metrics.Metrics) {
	if s.traces == nil {
		return
	}
	w := s.traces.Watch()
	fill := w.Fill
	w.Fill = func(ctx context.Context, r tiers.Ref) (context.Context, func(tiers.Fill)) {
		ctx, end := fill(ctx, r)
		return ctx, func(f tiers.Fill) {
			if end != nil {
				end(f)
			}
			m.FilledIn(ctx, f)
		}
	}
	s.stack.Watch, s.stack.Filled = w, nil
}

// trace returns what traces the requests of the gateway.
func (s *service) trace() gateway.Trace {
	if s.traces == nil {
		return nil
	}
	return func(r *http.Request) (context.Context, func(gateway.Request) string) {
		ctx, end := s.traces.Request(r)
		return ctx, func(q gateway.Request) string {
			return end(traces.Request{
				Kind: q.Kind, Module: q.Module, Version: q.Version,
				Status: q.Code, ServedBy: q.ServedBy, Bytes: q.Bytes,
			})
		}
	}
}

// inward returns what names the trace of requests to servers of the same site: peers
// and external stores.
func (s *service) inward() func(http.RoundTripper) http.RoundTripper {
	if s.traces == nil {
		return nil
	}
	return s.traces.Transport
}

// outward returns what names it to an upstream, which may be anybody's: unless it is
// said to be one that is to know, it learns nothing.
func (s *service) outward(c *config.Config) func(http.RoundTripper) http.RoundTripper {
	if s.traces == nil || !c.Tiers.Traces.Upstream {
		return nil
	}
	return s.traces.Outward
}
