package traces

import (
	"context"
	"errors"
	"io/fs"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// Watch returns what tells of the work of a stack; nothing if t is nil.
func (t *Traces) Watch() tiers.Watch {
	if t == nil {
		return tiers.Watch{}
	}
	return tiers.Watch{Fill: t.fill, Joined: joined, Cause: cause, Save: t.save}
}

// fill is a span of the request that led, though that one may be over before it.
func (t *Traces) fill(ctx context.Context, r tiers.Ref) (context.Context, func(tiers.Fill)) {
	if !recorded(ctx) {
		return ctx, nil
	}
	ctx, span := t.tracer.Start(ctx, "fill", trace.WithAttributes(
		moduleKey.String(r.Path), versionKey.String(r.Version), kindKey.String(r.Kind.String())))
	return ctx, func(f tiers.Fill) {
		span.SetAttributes(
			attribute.String("modtier.source", f.Source),
			attribute.Int("modtier.followers", f.Followers),
			attribute.Bool("modtier.kept", f.Kept()))
		if f.FirstByte > 0 {
			span.SetAttributes(attribute.Float64("modtier.first_byte_seconds", f.FirstByte.Seconds()))
		}
		if f.Err != nil && !errors.Is(f.Err, fs.ErrNotExist) {
			fail(span, f.Err)
		}
		span.End()
	}
}

// joined links a request to the fill that another one leads, in another trace.
func joined(request, fill context.Context) {
	if of := trace.SpanContextFromContext(fill); of.IsSampled() {
		trace.SpanFromContext(request).AddLink(trace.Link{
			SpanContext: of, Attributes: []attribute.KeyValue{attribute.String("modtier.link", "fill")},
		})
	}
}

// cause is little enough to be kept for each version that waits: not the context, which
// has the whole request.
func cause(fill context.Context) any { return trace.SpanContextFromContext(fill) }

// save is a span of the fill that queued the version, also long after it. One that
// an earlier process queued is a trace of its own.
func (t *Traces) save(ctx context.Context, v module.Version, cause any) (context.Context, func(error)) {
	if of, ok := cause.(trace.SpanContext); ok {
		ctx = trace.ContextWithSpanContext(ctx, of)
		if !of.IsSampled() {
			return ctx, nil
		}
	}
	ctx, span := t.tracer.Start(ctx, "save", trace.WithAttributes(moduleKey.String(v.Path), versionKey.String(v.Version)))
	return ctx, func(err error) {
		if err != nil {
			fail(span, err)
		}
		span.End()
	}
}
