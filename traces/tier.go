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

// client is the kind of what another process is asked.
const client = trace.SpanKindClient

// A source tells of each file that is asked of it: hit, miss or error. Its span ends
// when the file is open; what it takes to read it shows in the request's, or the fill's.
type source struct {
	tiers.Source
	*Traces
	tier string
	kind trace.SpanKind
}

// Source returns s, traced under the name of its tier.
func (t *Traces) Source(s tiers.Source, tier string) tiers.Source {
	if t == nil {
		return s
	}
	return &source{s, t, tier, client}
}

func (s *source) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	if !recorded(ctx) {
		return s.Source.Open(ctx, r)
	}
	ctx, span := s.tracer.Start(ctx, "open "+s.tier, trace.WithSpanKind(s.kind), trace.WithAttributes(
		tierKey.String(s.tier), moduleKey.String(r.Path), versionKey.String(r.Version), kindKey.String(r.Kind.String())))
	defer span.End()
	o, err := s.Source.Open(ctx, r)
	switch {
	case err == nil:
		span.SetAttributes(resultKey.String("hit"))
		if o.Size >= 0 {
			span.SetAttributes(attribute.Int64("modtier.size", o.Size))
		}
	case errors.Is(err, fs.ErrNotExist):
		span.SetAttributes(resultKey.String("miss"))
	default:
		span.SetAttributes(resultKey.String("error"))
		fail(span, err)
	}
	return o, err
}

// A cache is traced where it is asked. What is put into it shows in the fill's span.
type cache struct {
	tiers.Cache
	source source
}

// Cache returns c, traced under the name of its tier.
func (t *Traces) Cache(c tiers.Cache, tier string) tiers.Cache {
	if t == nil {
		return c
	}
	return &cache{c, source{c, t, tier, trace.SpanKindInternal}}
}

func (c *cache) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	return c.source.Open(ctx, r)
}

// A store tells of saves too, and of what else it is asked.
type store struct {
	tiers.Store
	source source
}

// Store returns s, traced under the name of its tier.
func (t *Traces) Store(s tiers.Store, tier string) tiers.Store {
	if t == nil {
		return s
	}
	return &store{s, source{s, t, tier, client}}
}

func (s *store) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	return s.source.Open(ctx, r)
}

func (s *store) Save(ctx context.Context, v module.Version, f tiers.Files) error {
	ctx, end := s.source.begin(ctx, "save", v)
	err := s.Store.Save(ctx, v, f)
	end(err)
	return err
}

func (s *store) Versions(ctx context.Context, path string) ([]string, error) {
	ctx, end := s.source.begin(ctx, "list", module.Version{Path: path})
	vs, err := s.Store.Versions(ctx, path)
	end(err)
	return vs, err
}

func (s *store) Delete(ctx context.Context, v module.Version) error {
	ctx, end := s.source.begin(ctx, "delete", v)
	err := s.Store.Delete(ctx, v)
	end(err)
	return err
}

// begin begins the span of work on v, and returns what ends it.
func (s *source) begin(ctx context.Context, work string, v module.Version) (context.Context, func(error)) {
	if !recorded(ctx) {
		return ctx, func(error) {}
	}
	ctx, span := s.tracer.Start(ctx, work+" "+s.tier, trace.WithSpanKind(s.kind), trace.WithAttributes(
		tierKey.String(s.tier), moduleKey.String(text(v.Path)), versionKey.String(text(v.Version))))
	return ctx, func(err error) {
		switch {
		case err == nil:
			span.SetAttributes(resultKey.String("ok"))
		case errors.Is(err, fs.ErrNotExist):
			span.SetAttributes(resultKey.String("miss"))
		case errors.Is(err, tiers.ErrWhole):
			span.SetAttributes(resultKey.String("whole")) // it gets all of the version next
		default:
			span.SetAttributes(resultKey.String("error"))
			fail(span, err)
		}
		span.End()
	}
}
