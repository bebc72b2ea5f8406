package traces

import (
	"cmp"
	"context"
	"io"
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
			attribute.Int64("http.response.body.size", q.Bytes),
			attribute.String("modtier.kind", q.Kind),
			attribute.String("modtier.served_by", q.ServedBy))
		if q.Module != "" {
			span.SetAttributes(moduleKey.String(text(q.Module)), versionKey.String(text(q.Version)))
		}
		over(span, q.Status)
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
		r = r.WithContext(ctx)
		if !span.IsRecording() {
			next.ServeHTTP(w, r)
			return
		}
		span.SetAttributes(attribute.String("http.request.method", method(r.Method)), attribute.String("url.path", text(r.URL.Path)))
		a := &answer{ResponseWriter: w}
		defer func() { over(span, cmp.Or(a.status, clientGone)) }()
		next.ServeHTTP(a, r)
		a.status = cmp.Or(a.status, http.StatusOK)
	})
}

// clientGone is what a gateway records for a client that left before it had an answer.
const clientGone = 499

// over says with what status a request ended.
func over(span trace.Span, status int) {
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= 500 {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
}

// An answer remembers the status of a response.
type answer struct {
	http.ResponseWriter
	status int // 0 until the header is out
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	a.status = cmp.Or(a.status, http.StatusOK)
	return a.ResponseWriter.Write(b)
}

// ReadFrom leaves the way from a file to the socket open.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	a.status = cmp.Or(a.status, http.StatusOK)
	return io.Copy(a.ResponseWriter, r)
}

// Unwrap is what [http.ResponseController] looks for.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
