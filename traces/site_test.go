package traces_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/memory"
	"github.com/modtier/modtier/tiers/tierstest"
	"github.com/modtier/modtier/traces"
)

var (
	version = module.Version{Path: "example.com/m", Version: "v1.0.0"}
	files   = tierstest.Version(version, "a")
)

// A site is a gateway with all that can be traced, wired as wire_traces.go does it.
type site struct {
	http.Handler
	spans    *tracetest.InMemoryExporter
	stack    *tiers.Stack
	disk     string
	upstream *named
	store    *named
	lines    strings.Builder
}

// A named store answers under a name, once it may.
type named struct {
	tiers.Store
	name  string
	asked atomic.Int32
	wait  chan struct{} // closed when it may answer; nil for at once
	fail  error         // of saves
}

func (n *named) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	n.asked.Add(1)
	if n.wait != nil {
		<-n.wait
	}
	o, err := n.Store.Open(ctx, r)
	if err == nil {
		o.Tier = n.name
	}
	return o, err
}

func (n *named) Save(ctx context.Context, v module.Version, f tiers.Files) error {
	if n.fail != nil {
		return n.fail
	}
	return n.Store.Save(ctx, v, f)
}

func openDisk(t testing.TB, dir string) *tiers.Disk {
	t.Helper()
	d, err := tiers.OpenDisk(dir, tiers.DiskLimits{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// open returns a site whose upstream has files, over what lies in dir.
func open(t testing.TB, dir string, s sdk.Sampler) *site {
	t.Helper()
	w := &site{spans: tracetest.NewInMemoryExporter(), disk: dir}
	tr := traces.New(w.spans, s)
	t.Cleanup(func() { tr.Close(context.Background()) })
	log := tr.Log(slog.New(slog.NewTextHandler(&w.lines, nil)))
	w.upstream = &named{Store: openDisk(t, t.TempDir()), name: "upstream"}
	if err := w.upstream.Save(context.Background(), version, files); err != nil {
		t.Fatal(err)
	}
	w.store = &named{Store: openDisk(t, t.TempDir()), name: "s3"}
	disk := openDisk(t, dir)
	mem, err := memory.Open(1<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mem.Close)
	w.stack = &tiers.Stack{
		Caches:   []tiers.Cache{tr.Cache(mem, "memory"), tr.Cache(disk, "disk")},
		Disk:     disk,
		Stores:   []tiers.Level{{Name: "s3", Store: tr.Store(w.store, "s3")}},
		Upstream: tr.Source(w.upstream, "upstream"),
		Locker:   tr.Locker(new(locks.Local), "redis"),
		Queue:    &tiers.Queue{},
		Watch:    tr.Watch(),
		Log:      log,
	}
	t.Cleanup(w.stack.Queue.Close)
	g := &gateway.Gateway{
		Files: w.stack, Held: w.stack.Held(), Notes: disk, Caches: []string{"memory", "disk"}, Stores: []string{"s3"},
		Trace: func(r *http.Request) (context.Context, func(gateway.Request) string) {
			ctx, end := tr.Request(r)
			return ctx, func(q gateway.Request) string {
				return end(traces.Request{Kind: q.Kind, Module: q.Module, Version: q.Version, Status: q.Code, ServedBy: q.ServedBy, Bytes: q.Bytes})
			}
		},
		Log: log,
	}
	w.Handler = g.Handler()
	return w
}

const (
	trace1 = "0af7651916cd43dd8448eb211c80319c"
	caller = "b7ad6b7169203331"
)

// get asks for path in the trace of a caller; "" is none.
func (w *site) get(t testing.TB, path, traceparent string) *httptest.ResponseRecorder {
	t.Helper()
	r, a := httptest.NewRequest("GET", path, nil), httptest.NewRecorder()
	if traceparent != "" {
		r.Header.Set("Traceparent", traceparent)
	}
	w.ServeHTTP(a, r)
	return a
}

// ended returns the spans once nothing is under way any more.
func (w *site) ended(t testing.TB) tracetest.SpanStubs {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := w.stack.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	// A lock is let go of beside the queue.
	for {
		spans := w.spans.GetSpans()
		n := 0
		for _, s := range spans {
			switch {
			case s.Name == "lock" && attr(s, "modtier.result") == "acquired":
				n++
			case s.Name == "lock held":
				n--
			}
		}
		if n == 0 || ctx.Err() != nil {
			return spans
		}
		time.Sleep(time.Millisecond)
	}
}

// tree writes the spans as they are nested, in the order in which they began, each with
// the result that it has.
func tree(spans tracetest.SpanStubs) string {
	slices.SortFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	known := make(map[trace.SpanID]bool)
	for _, s := range spans {
		known[s.SpanContext.SpanID()] = true
	}
	var b strings.Builder
	var below func(parent func(tracetest.SpanStub) bool, depth int)
	below = func(parent func(tracetest.SpanStub) bool, depth int) {
		for _, s := range spans {
			if !parent(s) {
				continue
			}
			line := s.Name
			for _, key := range []string{"modtier.kind", "modtier.result"} {
				if v := attr(s, key); v != "" && v != s.Name {
					line += " " + v
				}
			}
			fmt.Fprintf(&b, "%s%s\n", strings.Repeat("  ", depth), line)
			below(func(c tracetest.SpanStub) bool { return c.Parent.SpanID() == s.SpanContext.SpanID() }, depth+1)
		}
	}
	below(func(s tracetest.SpanStub) bool { return !known[s.Parent.SpanID()] }, 0)
	return b.String()
}

// attr returns what a span says under key, or "".
func attr(s tracetest.SpanStub, key string) string {
	for _, a := range s.Attributes {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

// one returns the only span of that name.
func one(t testing.TB, spans tracetest.SpanStubs, name string) tracetest.SpanStub {
	t.Helper()
	var found tracetest.SpanStubs
	for _, s := range spans {
		if s.Name == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("got %d spans called %s, want one:\n%s", len(found), name, tree(spans))
	}
	return found[0]
}
