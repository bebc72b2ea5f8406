// Package traces tells a collector of OpenTelemetry what became of a request: which
// tiers were asked and what they said, the lock, the fill and the saves that come
// after the answer, each a span of the request's trace.
//
// It speaks OTLP as the standard environment, OTEL_*, says, and Athens' keys where
// that says nothing. A tier is told apart by decorators and a stack by its
// [tiers.Watch], so that neither knows of traces; without an exporter there are
// none of these. Nobody imports this package but the program's wiring.
//
// Start reading at [Open]; request.go, tier.go, watch.go and locker.go have the spans.
package traces

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// A Config is what Athens' keys say. The variables of the standard go before it.
type Config struct {
	Exporter string  // otlp, or "" for none unless OTEL_* has one
	URL      string  // of the collector; "" is the standard's own
	Fraction float64 // of the traces that begin here which are recorded; 0 is none
	Version  string  // of this program
	Log      *slog.Logger
}

// Traces are those of one gateway. Nil is none: what its methods are given they
// return as it is, so that nothing on the way of a request is another than without.
type Traces struct {
	provider   *sdk.TracerProvider
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	exporter   *patient // nil in tests
}

// Open returns nil if nothing says where traces go: then nothing is to be traced. It
// reaches for no collector yet, and one that is never there is nothing to any request.
func Open(ctx context.Context, c Config) (*Traces, error) {
	e, err := openExporter(ctx, c)
	if e == nil || err != nil {
		return nil, err
	}
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", "modtier"), attribute.String("service.version", c.Version)),
		resource.WithFromEnv(), // which wins
	)
	if err != nil {
		c.Log.Warn("traces do not say all about this process", "err", err)
	}
	p := &patient{SpanExporter: e, log: c.Log}
	options := []sdk.TracerProviderOption{
		sdk.WithBatcher(p),
		sdk.WithResource(about),
	}
	if os.Getenv("OTEL_TRACES_SAMPLER") == "" { // else the SDK reads it
		options = append(options, sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(c.Fraction))))
	}
	t := newTraces(options...)
	t.exporter = p
	return t, nil
}

func newTraces(options ...sdk.TracerProviderOption) *Traces {
	p := sdk.NewTracerProvider(options...)
	return &Traces{
		provider:   p,
		tracer:     p.Tracer("github.com/modtier/modtier"),
		propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}
}

// closeTimeout is the longest that the last spans may take.
const closeTimeout = 5 * time.Second

// Close sends what is not sent yet. It may be called again.
func (t *Traces) Close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && t.exporter != nil {
		t.exporter.lose(err)
	}
}

// ID returns the name of the trace that ctx is recorded in, or "".
func ID(ctx context.Context) string {
	if c := trace.SpanContextFromContext(ctx); c.IsSampled() {
		return c.TraceID().String()
	}
	return ""
}

// recorded reports whether ctx is of a trace that is recorded. What is of none, such
// as a probe of a tier, begins none.
func recorded(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsSampled() }

// fail says why the work of a span came to nothing.
func fail(span trace.Span, err error) {
	span.SetStatus(codes.Error, text(err.Error()))
}

// maxText is the longest text that is told, in bytes.
const maxText = 1000

// text returns what of a stranger's s is told. One span with a text that is not UTF-8
// would keep back all that are sent with it.
func text(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxText)], "\uFFFD") }
