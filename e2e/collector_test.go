package e2e

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	tracespb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A collector takes spans as OTLP over HTTP has them.
type collector struct {
	*httptest.Server

	mu    sync.Mutex // guards all below
	spans []span
	wrong []string
}

// A span is what one of them says.
type span struct {
	name, trace, id, parent string
	service                 string // of the process that sent it
	attributes              map[string]string
	start, end              uint64
}

func newCollector(t testing.TB) *collector {
	c := new(collector)
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	t.Cleanup(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, text := range c.wrong {
			t.Error("the collector: ", text)
		}
	})
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	// Its one field is that of an ExportTraceServiceRequest.
	var sent tracespb.TracesData
	switch {
	case err != nil:
		return // it was killed meanwhile
	case r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf":
		c.wrong = append(c.wrong, "asked for "+r.URL.Path+" with "+r.Header.Get("Content-Type"))
	case proto.Unmarshal(body, &sent) != nil:
		c.wrong = append(c.wrong, "got what is no OTLP")
	}
	for _, of := range sent.ResourceSpans {
		service := ""
		for _, a := range of.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, spanOf(service, s))
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func spanOf(service string, s *tracespb.Span) span {
	attributes := make(map[string]string)
	for _, a := range s.Attributes {
		attributes[a.Key] = a.Value.GetStringValue()
	}
	return span{
		name: s.Name, service: service, attributes: attributes,
		trace: hex.EncodeToString(s.TraceId), id: hex.EncodeToString(s.SpanId), parent: hex.EncodeToString(s.ParentSpanId),
		start: s.StartTimeUnixNano, end: s.EndTimeUnixNano,
	}
}

// of returns the spans of a trace.
func (c *collector) of(trace string) (spans []span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.trace == trace {
			spans = append(spans, s)
		}
	}
	return spans
}
