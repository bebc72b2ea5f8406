package gateway_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/memory"
	"github.com/modtier/modtier/traces"
)

// BenchmarkHit is the whole handler on a hit: route, parse, look up, count, log
// and write. The writer throws the body away.
func BenchmarkHit(b *testing.B) { benchmarkHit(b, warmGateway(b, nil)) }

// BenchmarkTracedHit is that with spans, which a collector takes and throws away.
func BenchmarkTracedHit(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Cleanup(collector.Close)
	b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	for name, fraction := range map[string]float64{"recorded": 1, "passed over": 0} {
		b.Run(name, func(b *testing.B) {
			t, err := traces.Open(b.Context(), traces.Config{Fraction: fraction, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { t.Close(context.Background()) })
			benchmarkHit(b, warmGateway(b, t))
		})
	}
}

func benchmarkHit(b *testing.B, handler http.Handler) {
	for _, kind := range []string{"mod", "zip"} {
		b.Run(kind, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/example.com/hot/@v/v1.0.0."+kind, nil)
			w := &discard{header: make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				handler.ServeHTTP(w, r)
			}
			if w.status != http.StatusOK {
				b.Fatalf("status %d", w.status)
			}
		})
	}
}

// warmGateway returns a gateway as wire.go makes it, with metrics and a log, that
// holds example.com/hot@v1.0.0: the go.mod in memory, the zip on
// disk. What it does t traces; nil is untraced.
func warmGateway(b testing.TB, t *traces.Traces) http.Handler {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	disk, err := tiers.OpenDisk(b.TempDir(), tiers.DiskLimits{Size: 1 << 30}, log)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { disk.Close() })
	mem, err := memory.Open(1<<20, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(mem.Close)
	m := metrics.New("test")
	caches := []tiers.Cache{
		t.Cache(m.Cache(mem, "memory", mem.Usage, mem.Limit()), "memory"),
		t.Cache(m.Cache(disk, "disk", disk.Usage, disk.Limit()), "disk"),
	}
	ref := tiers.Ref{Path: "example.com/hot", Version: "v1.0.0", Kind: tiers.Mod}
	if err := mem.Put(context.Background(), ref, []byte("module example.com/hot\n\ngo 1.26\n"), time.Now()); err != nil {
		b.Fatal(err)
	}
	mem.Wait()
	var z bytes.Buffer
	zw := zip.NewWriter(&z)
	f, _ := zw.CreateHeader(&zip.FileHeader{Name: "example.com/hot@v1.0.0/x.go"})
	f.Write(bytes.Repeat([]byte("x"), 167<<10))
	zw.Close()
	ref.Kind = tiers.Zip
	if err := disk.Put(context.Background(), ref, z.Bytes(), time.Now()); err != nil {
		b.Fatal(err)
	}
	g := &gateway.Gateway{
		Files:   &tiers.Stack{Caches: caches, Disk: disk, Log: log},
		Held:    disk,
		Notes:   disk,
		Caches:  []string{"memory", "disk"},
		Observe: func(r gateway.Request) { m.Request(r.Kind, r.Code, r.ServedBy, r.Duration, r.Bytes, r.TraceID) },
		Log:     log,
	}
	if t != nil {
		g.Trace = func(r *http.Request) (context.Context, func(gateway.Request) string) {
			ctx, end := t.Request(r)
			return ctx, func(q gateway.Request) string { return end(traces.Request{Kind: q.Kind, Status: q.Code}) }
		}
	}
	return g.Handler()
}

// A discard is a ResponseWriter that costs next to nothing.
type discard struct {
	header http.Header
	status int
}

func (w *discard) Header() http.Header         { return w.header }
func (w *discard) WriteHeader(code int)        { w.status = code }
func (w *discard) Write(b []byte) (int, error) { return len(b), nil }

// ReadFrom takes a file as a socket does with sendfile: without reading it here.
func (w *discard) ReadFrom(r io.Reader) (n int64, err error) {
	if l, ok := r.(*io.LimitedReader); ok {
		n, l.N = l.N, 0
	}
	return n, nil
}
