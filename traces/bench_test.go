package traces_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// BenchmarkHit is what a hit costs while traces are on; gateway's own has it with
// traces off. Nothing is sent, and what is recorded is thrown away.
func BenchmarkHit(b *testing.B) {
	for name, s := range map[string]sdk.Sampler{
		"recorded": sdk.ParentBased(sdk.AlwaysSample()), "passed over": sdk.ParentBased(sdk.NeverSample()),
	} {
		b.Run(name, func(b *testing.B) {
			w := open(b, b.TempDir(), s)
			w.get(b, modPath, "")
			if err := w.stack.Drain(context.Background()); err != nil {
				b.Fatal(err)
			}
			w.sink.Store(true)
			r := httptest.NewRequest("GET", modPath, nil)
			a := &discard{header: make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(a.header)
				w.ServeHTTP(a, r)
			}
			if a.status != http.StatusOK {
				b.Fatalf("status %d", a.status)
			}
		})
	}
}

// A discard is a ResponseWriter that costs next to nothing.
type discard struct {
	header http.Header
	status int
}

func (w *discard) Header() http.Header         { return w.header }
func (w *discard) WriteHeader(code int)        { w.status = code }
func (w *discard) Write(b []byte) (int, error) { return len(b), nil }

// ExportSpans keeps spans, until they are to be thrown away.
func (w *site) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if w.sink.Load() {
		return nil
	}
	return w.spans.ExportSpans(ctx, spans)
}

func (w *site) Shutdown(context.Context) error { return nil }
