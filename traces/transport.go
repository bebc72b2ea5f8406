package traces

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// A transport names the trace of each request that it sends.
type transport struct {
	base   http.RoundTripper
	inject func(context.Context, http.Header)
}

// Transport returns base, which then says to servers of the same site which trace a
// request is of: traceparent, tracestate and baggage.
func (t *Traces) Transport(base http.RoundTripper) http.RoundTripper {
	if t == nil {
		return base
	}
	return &transport{base, func(ctx context.Context, h http.Header) {
		t.propagator.Inject(ctx, propagation.HeaderCarrier(h))
	}}
}

// Outward returns base, which then says so to servers that may be anybody's:
// traceparent alone, which is nothing but random numbers. What callers have put into
// the rest is not ours to tell.
func (t *Traces) Outward(base http.RoundTripper) http.RoundTripper {
	if t == nil {
		return base
	}
	return &transport{base, func(ctx context.Context, h http.Header) {
		propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(h))
		h.Del("Tracestate")
	}}
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace.SpanContextFromContext(r.Context()).IsValid() {
		r = r.Clone(r.Context())
		t.inject(r.Context(), r.Header)
	}
	return t.base.RoundTrip(r)
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
