package traces_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
	"github.com/modtier/modtier/traces"
)

// A terse upstream, and peer, has one word for each question.
type terse struct{}

func (terse) Versions(context.Context, string) ([]string, error)    { return nil, nil }
func (terse) Latest(context.Context, string) ([]byte, error)        { return nil, fs.ErrNotExist }
func (terse) Query(context.Context, string, string) ([]byte, error) { return nil, errors.New("reset") }
func (terse) SumDB(context.Context, string, string) ([]byte, error) { return nil, nil }
func (terse) Done(error)                                            {}
func (terse) Open(context.Context, string, tiers.Ref) (*tiers.Object, error) {
	return nil, fs.ErrNotExist
}

func TestWhatUpstreamAndPeersAreAskedIsInTheTrace(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tr := traces.New(spans, nil)
	ask := func(ctx context.Context) {
		a, p := tr.Answers(terse{}, "upstream"), tr.Peers(terse{})
		a.Versions(ctx, "example.com/m")
		a.Latest(ctx, "example.com/m")
		a.Query(ctx, "example.com/m", "main")
		a.SumDB(ctx, "sum.example", "latest")
		p.Open(ctx, "http://10.0.0.1:3000", tierstest.Ref(version, tiers.Zip))
	}
	ask(t.Context())
	if got := spans.GetSpans(); len(got) != 0 {
		t.Errorf("outside of a trace: got\n%s", tree(got))
	}
	ctx, end := tr.Request(httptest.NewRequest("GET", "/", nil))
	ask(ctx)
	end(traces.Request{Kind: "list", Status: http.StatusOK})
	const want = `list
  list upstream ok
  latest upstream miss
  query upstream error
  sumdb upstream ok
  open peer zip miss
`
	if got := tree(spans.GetSpans()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAnotherServersRequestsAreInTheirCallersTrace(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tr := traces.New(spans, nil)
	disk := openDisk(t, t.TempDir())
	h := tr.Handler("store", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := tr.Cache(disk, "disk").Open(r.Context(), tierstest.Ref(version, tiers.Mod)); err == nil {
			t.Error("an empty disk has a file")
		}
	}))
	r := httptest.NewRequest("GET", "/x", nil)
	r.Header.Set("Traceparent", sampled)
	h.ServeHTTP(httptest.NewRecorder(), r)
	got := spans.GetSpans()
	if text := tree(got); text != "store\n  open disk mod miss\n" {
		t.Errorf("got\n%s", text)
	}
	if s := one(t, got, "store"); s.Parent.SpanID().String() != caller {
		t.Errorf("got parent %s, want the caller's span", s.Parent.SpanID())
	}
}
