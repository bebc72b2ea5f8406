package traces

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// A Request tells how a request went, once it is over.
type Request struct {
	Kind            string // as in the metrics; "other" is none of the protocol
	Module, Version string // "" where there is none
	Status          int    // of HTTP
	ServedBy        string // the tier that answered
	Bytes           int64  // of the body
}

// Request begins the span of a request, in the trace that its headers name or in one
// of its own. The func ends it, and returns [ID] of the context: "" for what is not
// recorded, and for a probe or a scrape that nobody traces, which is no work of ours.
func (t *Traces) Request(r *http.Request) (context.Context, func(Request) string) {
	ctx := t.propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	asked := trace.SpanContextFromContext(ctx).IsValid()
	ctx, span := t.tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, func(q Request) string {
		if !span.IsRecording() || q.Kind == "other" && q.Status < 400 && !asked {
			return "" // a span that is not ended is not sent
		}
		span.SetName(q.Kind)
		span.SetAttributes(
			attribute.String("http.request.method", method(r.Method)),
			attribute.Int("http.response.status_code", q.Status),
			attribute.Int64("http.response.body.size", q.Bytes),
			attribute.String("modtier.kind", q.Kind),
			attribute.String("modtier.served_by", q.ServedBy))
		if q.Module != "" {
			span.SetAttributes(moduleKey.String(text(q.Module)), versionKey.String(text(q.Version)))
		}
		if q.Status >= 500 {
			span.SetStatus(codes.Error, http.StatusText(q.Status))
		}
		span.End()
		return span.SpanContext().TraceID().String()
	}
}

// method bounds what a client may make of it.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "_OTHER"
}

const (
	moduleKey  = attribute.Key("modtier.module")
	versionKey = attribute.Key("modtier.version")
	kindKey    = attribute.Key("modtier.kind")
	tierKey    = attribute.Key("modtier.tier")
	resultKey  = attribute.Key("modtier.result")
)

// Handler traces the requests of another server of ours, of which only the paths are
// known here. It leaves the way of a body alone.
func (t *Traces) Handler(name string, next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := t.propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		if span.IsRecording() {
			span.SetAttributes(attribute.String("http.request.method", method(r.Method)), attribute.String("url.path", text(r.URL.Path)))
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
