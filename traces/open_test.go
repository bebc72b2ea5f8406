package traces_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/traces"
)

// clean takes away what the environment of the tests says of traces.
func clean(t *testing.T, environ ...string) {
	t.Helper()
	for _, name := range []string{
		"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_HEADERS",
	} {
		t.Setenv(name, "")
	}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
}

func TestWhatSaysWhetherThereAreTraces(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"
	athens := traces.Config{Exporter: "otlp", URL: "http://127.0.0.1:1"}
	for claim, tt := range map[string]struct {
		config  traces.Config
		environ string
		on      bool
	}{
		"nothing says so":                  {},
		"Athens' URL alone does not":       {config: traces.Config{URL: "http://127.0.0.1:1"}},
		"Athens' keys do":                  {config: athens, on: true},
		"the standard's endpoint does":     {environ: endpoint, on: true},
		"one for traces alone does":        {environ: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:1", on: true},
		"the standard's exporter does":     {environ: "OTEL_TRACES_EXPORTER=otlp", on: true},
		"none wins over an endpoint":       {environ: endpoint + " OTEL_TRACES_EXPORTER=none"},
		"none wins over Athens' keys":      {config: athens, environ: "OTEL_TRACES_EXPORTER=none"},
		"the switch wins over all":         {config: athens, environ: endpoint + " OTEL_SDK_DISABLED=true"},
		"what nobody knows is as none":     {config: athens, environ: "OTEL_TRACES_EXPORTER=zipkin"},
		"either protocol will do: gRPC":    {environ: endpoint + " OTEL_EXPORTER_OTLP_PROTOCOL=grpc", on: true},
		"either protocol will do: HTTP":    {environ: endpoint + " OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", on: true},
		"a protocol for traces goes first": {environ: endpoint + " OTEL_EXPORTER_OTLP_PROTOCOL=carrier OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc", on: true},
	} {
		t.Run(claim, func(t *testing.T) {
			clean(t, strings.Fields(tt.environ)...)
			tt.config.Log = slog.New(slog.DiscardHandler)
			tr, err := traces.Open(t.Context(), tt.config)
			if err != nil {
				t.Fatal(err)
			}
			if on := tr != nil; on != tt.on {
				t.Errorf("traces: got %v, want %v", on, tt.on)
			}
			if tr != nil {
				tr.Close(t.Context())
				tr.Close(t.Context())
			}
		})
	}
	t.Run("a protocol that nobody knows is refused", func(t *testing.T) {
		clean(t, endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=http/json")
		if _, err := traces.Open(t.Context(), traces.Config{Log: slog.New(slog.DiscardHandler)}); err == nil {
			t.Error("got no error")
		}
	})
}

func TestTheStandardGoesBeforeAthensKeys(t *testing.T) {
	var standard, athens, headers atomic.Int32
	count := func(n *atomic.Int32) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n.Add(1)
			if r.Header.Get("Api-Key") == "sesame" {
				headers.Add(1)
			}
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	clean(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+count(&standard), "OTEL_EXPORTER_OTLP_HEADERS=api-key=sesame", "OTEL_TRACES_SAMPLER=always_on")
	tr, err := traces.Open(t.Context(), traces.Config{Exporter: "otlp", URL: count(&athens), Fraction: 0, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := tr.Request(httptest.NewRequest("GET", "/", nil))
	if id := end(traces.Request{Kind: "mod", Status: 200}); id == "" || id != traces.ID(ctx) {
		t.Errorf("got trace %q, want %q, which OTEL_TRACES_SAMPLER takes", id, traces.ID(ctx))
	}
	tr.Close(t.Context())
	if standard.Load() != 1 || athens.Load() != 0 || headers.Load() != 1 {
		t.Errorf("the standard's collector got %d requests, %d with the header, and Athens' one %d; want 1, 1 and 0", standard.Load(), headers.Load(), athens.Load())
	}
}

func TestWhereACollectorTakesTraces(t *testing.T) {
	for claim, tt := range map[string]struct{ athens, environ, path, want string }{
		"below Athens' URL":                    {athens: "otlp", environ: "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", want: "/v1/traces"},
		"at Athens' URL, if that is of traces": {athens: "otlp", path: "/v1/traces", want: "/v1/traces"},
		"with a slash at its end":              {athens: "otlp", path: "/x/v1/traces/", want: "/x/v1/traces"},
		"below the standard's endpoint":        {environ: "OTEL_EXPORTER_OTLP_ENDPOINT=", path: "/x", want: "/x/v1/traces"},
		"at the standard's endpoint of traces": {environ: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=", path: "/x", want: "/x"},
	} {
		t.Run(claim, func(t *testing.T) {
			asked := make(chan string, 1)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
			defer s.Close()
			if strings.HasSuffix(tt.environ, "=") {
				tt.environ += s.URL + tt.path
			}
			clean(t, strings.Fields(tt.environ)...)
			var b strings.Builder
			tr, err := traces.Open(t.Context(), traces.Config{Exporter: tt.athens, URL: s.URL + tt.path, Fraction: 1, Log: slog.New(slog.NewTextHandler(&b, nil))})
			if err != nil {
				t.Fatal(err)
			}
			_, end := tr.Request(httptest.NewRequest("GET", "/", nil))
			end(traces.Request{Kind: "mod", Status: 200})
			tr.Close(t.Context())
			close(asked)
			if got := <-asked; got != tt.want {
				t.Errorf("got spans at %q, want %q: %s", got, tt.want, b.String())
			}
		})
	}
}

func TestHeadersThatAreWrongAreNotShown(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		clean(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL="+protocol, "OTEL_EXPORTER_OTLP_HEADERS=sesame")
		var b strings.Builder // what goes into the log, and past it
		otel.SetLogger(funcr.New(func(_, args string) { b.WriteString(args) }, funcr.Options{}))
		tr, err := traces.Open(t.Context(), traces.Config{Log: slog.New(slog.NewTextHandler(&b, nil))})
		if err == nil {
			tr.Close(t.Context())
		}
		if strings.Contains(b.String(), "sesame") {
			t.Errorf("%s: a secret is shown: %s", protocol, b.String())
		}
	}
}

func TestASpanThatQuotesRubbishIsSentLikeOthers(t *testing.T) {
	for claim, ask := range map[string]func(*traces.Traces){
		"the path of a stranger": func(tr *traces.Traces) {
			h := tr.Handler("store", http.NotFoundHandler())
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/%ff", nil))
		},
		"a name of a stranger": func(tr *traces.Traces) {
			_, end := tr.Request(httptest.NewRequest("GET", "/", nil))
			end(traces.Request{Kind: "sumdb", Module: "sum.example", Version: "lookup/\xff", Status: 404})
		},
		"the text of an error": func(tr *traces.Traces) {
			ctx, end := tr.Request(httptest.NewRequest("GET", "/", nil))
			_, saved := tr.Watch().Save(ctx, version, nil)
			saved(errors.New("s3: <\xff>" + strings.Repeat("é", 1000)))
			end(traces.Request{Kind: "zip", Status: 200})
		},
	} {
		t.Run(claim, func(t *testing.T) {
			var sent atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { sent.Add(1) }))
			defer s.Close()
			clean(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+s.URL)
			var b strings.Builder
			tr, err := traces.Open(t.Context(), traces.Config{Fraction: 1, Log: slog.New(slog.NewTextHandler(&b, nil))})
			if err != nil {
				t.Fatal(err)
			}
			ask(tr)
			tr.Close(t.Context())
			if sent.Load() != 1 {
				t.Errorf("the collector got %d requests, want 1: %s", sent.Load(), b.String())
			}
		})
	}
}

// A moody exporter fails when it is told to.
type moody struct {
	sdk.SpanExporter
	err error
}

func (m *moody) ExportSpans(context.Context, []sdk.ReadOnlySpan) error { return m.err }

func TestACollectorThatIsGoneIsToldOfOnce(t *testing.T) {
	var b strings.Builder
	m := &moody{SpanExporter: tracetest.NewInMemoryExporter()}
	p := traces.Patient(m, slog.New(slog.NewTextHandler(&b, nil)))
	export := func(err error) {
		m.err = err
		if err := p.ExportSpans(t.Context(), nil); err != nil {
			t.Errorf("got %v, which the SDK would log each time", err)
		}
	}
	gone := errors.New("connection refused")
	export(nil)
	export(gone)
	export(gone)
	export(nil)
	export(nil)
	export(gone)
	lost, back := strings.Count(b.String(), "traces cannot be sent"), strings.Count(b.String(), "traces can be sent again")
	if lost != 2 || back != 1 {
		t.Errorf("got %d and %d lines, want one for each time it went and came:\n%s", lost, back, b.String())
	}
}

func TestTheEndDoesNotWaitForACollectorThatSaysNothing(t *testing.T) {
	stuck := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-stuck }))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(stuck) })
	clean(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+s.URL)
	var b strings.Builder
	tr, err := traces.Open(t.Context(), traces.Config{Fraction: 1, Log: slog.New(slog.NewTextHandler(&b, nil))})
	if err != nil {
		t.Fatal(err)
	}
	_, end := tr.Request(httptest.NewRequest("GET", "/", nil))
	end(traces.Request{Kind: "mod", Status: 200})
	over, cancel := context.WithCancel(t.Context())
	cancel()
	tr.Close(over)
	if strings.Count(b.String(), "traces cannot be sent") != 1 {
		t.Errorf("got %q, want a line that says that the last ones are lost", b.String())
	}
}

func TestWithoutTracesAllStaysAsItIs(t *testing.T) {
	var tr *traces.Traces
	disk, log := openDisk(t, t.TempDir()), slog.New(slog.DiscardHandler)
	peers, locker := tiers.Peers(terse{}), new(locks.Local)
	for what, same := range map[string]bool{
		"a source":  tr.Source(disk, "disk") == tiers.Source(disk),
		"a cache":   tr.Cache(disk, "disk") == tiers.Cache(disk),
		"a store":   tr.Store(disk, "disk") == tiers.Store(disk),
		"answers":   tr.Answers(terse{}, "upstream") == traces.Answers(terse{}),
		"peers":     tr.Peers(peers) == peers,
		"a locker":  tr.Locker(locker, "redis") == locks.Locker(locker),
		"a log":     tr.Log(log) == log,
		"a handler": tr.Handler("store", http.DefaultServeMux) == http.Handler(http.DefaultServeMux),
		"transport": tr.Transport(http.DefaultTransport) == http.DefaultTransport && tr.Outward(http.DefaultTransport) == http.DefaultTransport,
		"a watch":   tr.Watch().Fill == nil && tr.Watch().Save == nil,
	} {
		if !same {
			t.Errorf("%s is another", what)
		}
	}
	tr.Close(t.Context())
}
