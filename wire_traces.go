package main

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/modtier/modtier/config"
	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/traces"
)

// openTraces finds out where traces go. If they go nowhere, s.traces stays nil.
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
		s.closers = append(s.closers, func() { s.traces.Close(context.Background()) })
	}
	return err
}

// trace returns what traces the requests of the gateway, or nil.
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
