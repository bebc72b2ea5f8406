package traces_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
	"github.com/modtier/modtier/traces"
)

const (
	zipPath  = "/example.com/m/@v/v1.0.0.zip"
	modPath  = "/example.com/m/@v/v1.0.0.mod"
	sampled  = "00-" + trace1 + "-" + caller + "-01"
	ignoring = "00-" + trace1 + "-" + caller + "-00"
)

func TestAColdMissIsOneTraceOfItsCaller(t *testing.T) {
	w := open(t, t.TempDir(), nil)
	if a := w.get(t, zipPath, sampled); a.Code != http.StatusOK {
		t.Fatalf("got status %d: %s", a.Code, a.Body)
	}
	spans := w.ended(t)
	// The store is looked into again under the lock, and the queue fills what the
	// version's save needs beside the zip.
	const want = `zip
  open memory zip miss
  open disk zip miss
  fill zip
    open s3 zip miss
    lock acquired
      lock held
    open s3 zip miss
    open upstream zip hit
    save
      fill mod
        open s3 mod miss
        open upstream mod hit
      fill info
        open s3 info miss
        open upstream info hit
      save s3 ok
`
	// While it waits for the lock, for however little, a fill may look more often.
	got := strings.Join(slices.Compact(strings.SplitAfter(tree(spans), "\n")), "")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, s := range spans {
		if id := s.SpanContext.TraceID().String(); id != trace1 {
			t.Errorf("%s: got trace %s, want the caller's", s.Name, id)
		}
		if s.EndTime.Before(s.StartTime) {
			t.Errorf("%s ends before it begins", s.Name)
		}
	}
	request := one(t, spans, "zip")
	if request.Parent.SpanID().String() != caller || request.SpanKind != trace.SpanKindServer {
		t.Errorf("got parent %s, kind %v; want the caller's span, and a server's", request.Parent.SpanID(), request.SpanKind)
	}
	for key, want := range map[string]string{
		"modtier.module": "example.com/m", "modtier.version": "v1.0.0", "modtier.kind": "zip", "modtier.served_by": "upstream",
		"http.response.status_code": "200", "http.request.method": "GET",
	} {
		if got := attr(request, key); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	if attr(request, "http.response.body.size") == "0" {
		t.Error("a body of no bytes")
	}
}

func TestAHitIsTheRequestAndTheTiersAsked(t *testing.T) {
	w := open(t, t.TempDir(), nil)
	w.get(t, modPath, sampled)
	w.ended(t)
	w.spans.Reset()
	w.get(t, modPath, sampled)
	if got, want := tree(w.ended(t)), "mod\n  open memory mod hit\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAFollowerIsLinkedToTheFillItJoined(t *testing.T) {
	w := open(t, t.TempDir(), nil)
	w.upstream.wait = make(chan struct{})
	const other = "1af7651916cd43dd8448eb211c80319d"
	done := make(chan struct{}, 2)
	ask := func(id string) {
		w.get(t, zipPath, "00-"+id+"-"+caller+"-01")
		done <- struct{}{}
	}
	go ask(trace1)
	for w.upstream.asked.Load() == 0 {
	}
	go ask(other)
	for w.stack.Collapsed() == 0 {
	}
	close(w.upstream.wait)
	<-done
	<-done
	spans := w.ended(t)
	var fill tracetest.SpanStub
	for _, s := range spans {
		if s.Name == "fill" && attr(s, "modtier.kind") == "zip" {
			fill = s
		}
	}
	// The queue follows too if it is there before the file is on disk.
	if got := attr(fill, "modtier.followers"); got != "2" && got != "3" || attr(fill, "modtier.source") != "upstream" {
		t.Errorf("got %s followers of a fill from %q, want 2 from the upstream", got, attr(fill, "modtier.source"))
	}
	for _, s := range spans {
		if s.Name != "zip" || s.SpanContext.TraceID().String() != other {
			continue
		}
		if len(s.Links) != 1 || s.Links[0].SpanContext.SpanID() != fill.SpanContext.SpanID() {
			t.Errorf("got links %v, want one to the fill", s.Links)
		}
		return
	}
	t.Errorf("the follower has no span:\n%s", tree(spans))
}

func TestASaveOfAnEarlierProcessIsATraceOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, nil)
	w.store.fail = errors.New("connection refused")
	w.get(t, modPath, sampled)
	for len(w.spans.GetSpans()) == 0 || !strings.Contains(tree(w.spans.GetSpans()), "save s3") {
	}
	w.stack.Queue.Close()

	next := open(t, dir, nil)
	next.stack.Start()
	spans := next.ended(t)
	save := one(t, spans, "save")
	if save.Parent.IsValid() || save.SpanContext.TraceID().String() == trace1 {
		t.Errorf("got a save in trace %s below %s, want a root", save.SpanContext.TraceID(), save.Parent.SpanID())
	}
	if one(t, spans, "save s3").Parent.SpanID() != save.SpanContext.SpanID() {
		t.Errorf("the store is asked outside of the save:\n%s", tree(spans))
	}
}

func TestWhatTheCallerDoesNotRecordHasNoSpans(t *testing.T) {
	for claim, tt := range map[string]struct {
		traceparent string
		sampler     sdk.Sampler
	}{
		"the caller records nothing":        {ignoring, nil},
		"nothing that begins here is taken": {"", sdk.ParentBased(sdk.NeverSample())},
	} {
		t.Run(claim, func(t *testing.T) {
			w := open(t, t.TempDir(), tt.sampler)
			w.get(t, zipPath, tt.traceparent)
			if spans := w.ended(t); len(spans) != 0 {
				t.Errorf("got\n%s", tree(spans))
			}
		})
	}
}

func TestProbesAreNotTracedUnlessTheCallerIs(t *testing.T) {
	w := open(t, t.TempDir(), nil)
	w.get(t, "/healthz", "")
	if got := tree(w.ended(t)); got != "" {
		t.Errorf("got\n%s", got)
	}
	w.get(t, "/healthz", sampled)
	w.get(t, "/no%20such", "")
	if got := len(w.ended(t)); got != 2 {
		t.Errorf("got %d spans, want that of a traced probe and that of an error", got)
	}
}

func TestAnotherServersRequestsSayHowTheyEnded(t *testing.T) {
	for claim, tt := range map[string]struct {
		serve  http.HandlerFunc
		status string
		failed bool
	}{
		"with what it says": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "404", false},
		"badly":             {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", 503) }, "503", true},
		"without a word":    {func(http.ResponseWriter, *http.Request) {}, "200", false},
		"with a body":       {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("m")) }, "200", false},
		"with a file": {func(w http.ResponseWriter, _ *http.Request) {
			if _, ok := w.(io.ReaderFrom); !ok {
				t.Error("the way from a file to the socket is not open")
			}
			io.Copy(w, io.LimitReader(strings.NewReader("m"), 1))
		}, "200", false},
		"by the client, before an answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "499", false},
		"by the client, after the header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte("m"))
			panic(http.ErrAbortHandler)
		}, "200", false},
	} {
		t.Run(claim, func(t *testing.T) {
			spans := tracetest.NewInMemoryExporter()
			h := traces.New(spans, nil).Handler("store", tt.serve)
			func() {
				defer func() { recover() }()
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/m/@v/list", nil))
			}()
			span := one(t, spans.GetSpans(), "store")
			if got := attr(span, "http.response.status_code"); got != tt.status || (span.Status.Code == codes.Error) != tt.failed {
				t.Errorf("got status %s, %v; want %s", got, span.Status, tt.status)
			}
		})
	}
}

func TestEachLineOfATracedRequestHasItsTrace(t *testing.T) {
	w := open(t, t.TempDir(), nil)
	w.store.fail = errors.New("connection refused")
	w.get(t, modPath, sampled)
	for !strings.Contains(tree(w.spans.GetSpans()), "save s3") {
	}
	w.stack.Queue.Close()
	lines := strings.Split(strings.TrimSpace(w.lines.String()), "\n")
	if len(lines) < 2 {
		t.Fatalf("got %q, want the request and the save that failed", lines)
	}
	for _, line := range lines {
		if !strings.Contains(line, "trace_id="+trace1) {
			t.Errorf("no trace in %s", line)
		}
	}
}

func TestTracedTiersAreTiers(t *testing.T) {
	tr := traces.New(tracetest.NewInMemoryExporter(), nil)
	t.Run("a cache", func(t *testing.T) {
		tierstest.TestCache(t, func(t *testing.T) tiers.Cache { return tr.Cache(openDisk(t, t.TempDir()), "disk") })
	})
	t.Run("a store", func(t *testing.T) {
		tierstest.TestStore(t, func(t *testing.T) tiers.Store { return tr.Store(openDisk(t, t.TempDir()), "s3") })
	})
}
