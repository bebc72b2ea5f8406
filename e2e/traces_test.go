package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
)

// tracedGet asks for path in the trace of a caller.
func (g *gateway) tracedGet(path string, header ...string) (resp *http.Response, body []byte) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), "GET", g.url+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Traceparent", "00-"+callersTrace+"-"+callersSpan+"-01")
	req.Header.Set("Baggage", "customer=sesame")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err = g.client.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		g.t.Fatal(err)
	}
	return resp, body
}

// TestSpansOfAColdMiss has a client whose request is traced ask for a cold zip, of a
// gateway with locks and a store. All that it causes is in the client's trace, also
// what comes after the answer.
func TestSpansOfAColdMiss(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	v := version{path: "traced.example/m", version: "v1.0.0", size: 1000}
	u := newUpstream(t, v)
	g := start(t, options{upstream: u.URL, env: append(storeAndLockers(t, "redis"),
		"OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_SERVICE_NAME=modules")})
	resp, body := g.tracedGet(v.url("zip"), "X-Request-ID", "build-17")
	if resp.StatusCode != http.StatusOK || string(body) != string(v.file("zip")) {
		t.Fatalf("got status %d and %d bytes", resp.StatusCode, len(body))
	}
	if got := resp.Header.Get("X-Request-ID"); got != "build-17" {
		t.Errorf("X-Request-ID: got %q, want the one that came", got)
	}
	find := func(name, attribute, value string) (found span, ok bool) {
		for _, s := range c.of(callersTrace) {
			if s.name == name && (attribute == "" || s.attributes[attribute] == value) {
				return s, true
			}
		}
		return span{}, false
	}
	eventually(t, "the save and the lock are over and told", func() bool {
		_, saved := find("save s3", "modtier.result", "ok")
		_, saving := find("save", "", "")
		_, released := find("lock held", "", "")
		return saved && saving && released
	})

	// Each of these is a child of the one before it.
	for _, chain := range [][][3]string{
		{{"zip"}, {"open memory", "modtier.result", "miss"}},
		{{"zip"}, {"open disk", "modtier.result", "miss"}},
		{{"zip"}, {"fill", "modtier.kind", "zip"}, {"open s3", "modtier.result", "miss"}},
		{{"zip"}, {"fill", "modtier.kind", "zip"}, {"lock", "modtier.result", "acquired"}, {"lock held"}},
		{{"zip"}, {"fill", "modtier.kind", "zip"}, {"open upstream", "modtier.result", "hit"}},
		{{"zip"}, {"fill", "modtier.kind", "zip"}, {"save"}, {"save s3", "modtier.result", "ok"}},
	} {
		parent := span{id: callersSpan}
		for _, link := range chain {
			s, ok := find(link[0], link[1], link[2])
			for _, other := range c.of(callersTrace) {
				if other.name == link[0] && other.parent == parent.id && (link[1] == "" || other.attributes[link[1]] == link[2]) {
					s = other
				}
			}
			if !ok || s.parent != parent.id {
				t.Errorf("%v: got no span %s below %s", chain, link, parent.name)
				break
			}
			if s.service != "modules" || s.start < parent.start || s.end < s.start {
				t.Errorf("%s of %s: from %d to %d, below one from %d", s.name, s.service, s.start, s.end, parent.start)
			}
			parent = s
		}
	}

	for _, h := range u.requests(v.url("zip")) {
		if h.Get("Traceparent") != "" || h.Get("Baggage") != "" {
			t.Errorf("an upstream that may be anybody's was told of the trace: %v", h)
		}
	}
	line, ok := g.log.await("request", g.exited)
	if !ok || line["trace_id"] != callersTrace || line["request_id"] != "build-17" {
		t.Errorf("the line of the request: got %v, want its trace and its name", line)
	}
	resp, metrics := g.tracedGet("/metrics", "Accept", "application/openmetrics-text;version=1.0.0")
	if !strings.Contains(string(metrics), `# {trace_id="`+callersTrace+`"}`) {
		t.Errorf("no exemplar among the metrics in %s", resp.Header.Get("Content-Type"))
	}
}

// TestTheLastSpansAreSentAtTheEnd ends a gateway that would have sent them later.
func TestTheLastSpansAreSentAtTheEnd(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	v := version{path: "traced.example/last", version: "v1.0.0", size: 1000}
	g := start(t, options{upstream: newUpstream(t, v).URL, env: []string{
		"ATHENS_TRACE_EXPORTER=otlp", "ATHENS_TRACE_EXPORTER_URL=" + c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
		"OTEL_BSP_SCHEDULE_DELAY=3600000",
	}})
	g.tracedGet(v.url("mod"))
	g.stop()
	names := ""
	for _, s := range c.of(callersTrace) {
		names += s.name + " "
	}
	if !strings.Contains(names, "fill") || !strings.Contains(names, "mod") {
		t.Errorf("got %q, want the request and its fill", names)
	}
}

// TestADeadCollectorIsNothingToAnybody has no collector listen, in either protocol.
func TestADeadCollectorIsNothingToAnybody(t *testing.T) {
	t.Parallel()
	for protocol, env := range map[string][]string{
		"http": {"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + vacant(t)},
		"grpc": {"ATHENS_TRACE_EXPORTER=otlp", "ATHENS_TRACE_EXPORTER_URL=http://" + vacant(t)},
	} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			v := version{path: "traced.example/dead", version: "v1.0.0", size: 1000}
			g := start(t, options{upstream: newUpstream(t, v).URL, env: append(env, "OTEL_BSP_SCHEDULE_DELAY=10")})
			g.serves(v)
			g.serves(v)
			g.stop()
			const warning = "traces cannot be sent, and are lost until they can; nothing else is"
			if n := strings.Count(g.log.String(), warning); n != 1 {
				t.Errorf("got %d warnings, want one", n)
			}
		})
	}
}
