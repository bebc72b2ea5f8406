package gateway_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/tiers"
)

// answered sends a request with these headers to a gateway that holds nothing, and
// returns the X-Request-ID of the answer and the log.
func answered(t *testing.T, header ...string) (id, lines string) {
	t.Helper()
	var b strings.Builder
	log := slog.New(slog.NewTextHandler(&b, nil))
	disk, err := tiers.OpenDisk(t.TempDir(), tiers.DiskLimits{}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	g := &gateway.Gateway{Files: &tiers.Stack{Caches: []tiers.Cache{disk}, Disk: disk, Log: log}, Held: disk, Notes: disk, Log: log}
	r, w := httptest.NewRequest("GET", "/example.com/m/@v/v1.0.0.mod", nil), httptest.NewRecorder()
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	g.Handler().ServeHTTP(w, r)
	return w.Header().Get("X-Request-ID"), b.String()
}

func TestARequestHasAName(t *testing.T) {
	long := strings.Repeat("a", 128)
	for claim, tt := range map[string]struct {
		header []string
		want   string // "" is one of ours
	}{
		"the one that came":               {[]string{"X-Request-ID", "build-17/a:b+c=d@e~f_1.2"}, "build-17/a:b+c=d@e~f_1.2"},
		"Athens' one":                     {[]string{"Athens-Request-ID", "a-b"}, "a-b"},
		"of both the usual one":           {[]string{"Athens-Request-ID", "a", "X-Request-ID", "b"}, "b"},
		"one as long as may be":           {[]string{"X-Request-ID", long}, long},
		"ours for none":                   {nil, ""},
		"ours for an empty one":           {[]string{"X-Request-ID", ""}, ""},
		"ours for one that is too long":   {[]string{"X-Request-ID", long + "a"}, ""},
		"ours for one with a line in it":  {[]string{"X-Request-ID", "a\nlevel=ERROR"}, ""},
		"ours for one with a quote in it": {[]string{"X-Request-ID", `a"b`}, ""},
		"ours for two":                    {[]string{"X-Request-ID", "a", "X-Request-ID", "b"}, ""},
	} {
		t.Run(claim, func(t *testing.T) {
			id, lines := answered(t, tt.header...)
			if tt.want != "" && id != tt.want {
				t.Errorf("got %q, want %q", id, tt.want)
			}
			if tt.want == "" && !regexp.MustCompile(`^[0-9a-v]{13}$`).MatchString(id) {
				t.Errorf("got %q, want one of ours", id)
			}
			if !strings.Contains(lines, "request_id="+id) && !strings.Contains(lines, `request_id="`+id+`"`) {
				t.Errorf("%q is not in the log: %s", id, lines)
			}
		})
	}
	first, _ := answered(t)
	if second, _ := answered(t); first == second {
		t.Errorf("two requests are both called %s", first)
	}
}

type key struct{}

func TestATraceGoesAlongAndIsToldTheEnd(t *testing.T) {
	s := &seeing{}
	var observed gateway.Request
	g := &gateway.Gateway{
		Files: s, Log: slog.New(slog.DiscardHandler),
		Trace: func(r *http.Request) (context.Context, func(gateway.Request) string) {
			return context.WithValue(r.Context(), key{}, "here"), func(q gateway.Request) string { return q.Module + "!" + q.Version }
		},
		Observe: func(q gateway.Request) { observed = q },
	}
	g.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/example.com/m/@v/v1.0.0.mod", nil))
	if s.saw != "here" {
		t.Errorf("the tiers were asked with %v, want what Trace put into the context", s.saw)
	}
	if observed.TraceID != "example.com/m!v1.0.0" {
		t.Errorf("got trace %q, want what the end of the trace returned", observed.TraceID)
	}
}

// A seeing source has nothing, and looks at the context.
type seeing struct{ saw any }

func (s *seeing) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	s.saw = ctx.Value(key{})
	return nil, &tiers.AbsentError{}
}
