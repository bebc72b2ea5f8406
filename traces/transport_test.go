package traces_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/modtier/modtier/traces"
)

// taken keeps the headers of the request that it is to send.
type taken struct{ http.Header }

func (t *taken) RoundTrip(r *http.Request) (*http.Response, error) {
	t.Header = r.Header
	return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
}

func TestWhoIsToldOfATrace(t *testing.T) {
	tr := traces.New(tracetest.NewInMemoryExporter(), nil)
	asked := func(flags string) context.Context {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Traceparent", "00-"+trace1+"-"+caller+"-"+flags)
		r.Header.Set("Tracestate", "vendor=1")
		r.Header.Set("Baggage", "customer=sesame")
		ctx, _ := tr.Request(r)
		return ctx
	}
	for claim, tt := range map[string]struct {
		wrap func(http.RoundTripper) http.RoundTripper
		ctx  context.Context
		want string // what the parent begins with, and ends with; "" is none
		all  bool
	}{
		"a peer, of all":                      {tr.Transport, asked("01"), "00-" + trace1 + "- -01", true},
		"a peer, of what nobody records":      {tr.Transport, asked("00"), "00-" + trace1 + "- -00", true},
		"an upstream, of the parent alone":    {tr.Outward, asked("01"), "00-" + trace1 + "- -01", false},
		"nobody, of work that is in none":     {tr.Transport, t.Context(), "", false},
		"no upstream of work that is in none": {tr.Outward, t.Context(), "", false},
	} {
		t.Run(claim, func(t *testing.T) {
			r, err := http.NewRequestWithContext(tt.ctx, "GET", "http://a.example/", nil)
			if err != nil {
				t.Fatal(err)
			}
			var sent taken
			if _, err := tt.wrap(&sent).RoundTrip(r); err != nil {
				t.Fatal(err)
			}
			begin, end, _ := strings.Cut(tt.want, " ")
			if got := sent.Get("Traceparent"); got == "" != (tt.want == "") || !strings.HasPrefix(got, begin) || !strings.HasSuffix(got, end) {
				t.Errorf("Traceparent: got %q, want %q", got, tt.want)
			}
			if all := sent.Get("Baggage") != "" && sent.Get("Tracestate") != ""; all != tt.all || !all && sent.Get("Baggage")+sent.Get("Tracestate") != "" {
				t.Errorf("got baggage %q, state %q", sent.Get("Baggage"), sent.Get("Tracestate"))
			}
			if len(r.Header) != 0 {
				t.Errorf("the caller's request was changed: %v", r.Header)
			}
		})
	}
}
