package metrics_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/memory"
	"github.com/modtier/modtier/tiers/upstream"
)

// open returns the metrics of a gateway with these stores below its other tiers,
// wired as wire.go does it.
func open(t *testing.T, stores ...string) (*metrics.Metrics, *tiers.Stack) {
	t.Helper()
	m := metrics.New("v1.2.3", stores...)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	disk, err := tiers.OpenDisk(t.TempDir(), tiers.DiskLimits{
		Size:    1 << 20,
		Evicted: func(reason string, age time.Duration) { m.Evicted("disk", reason, age) },
	}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	mem, err := memory.Open(1<<16, func(age time.Duration) { m.Evicted("memory", "size", age) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mem.Close)
	list, err := upstream.Parse("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	s := &tiers.Stack{
		Caches: []tiers.Cache{
			m.Cache(mem, "memory", mem.Usage, mem.Limit()),
			m.Cache(disk, "disk", disk.Usage, disk.Limit()),
		},
		Disk:     disk,
		Upstream: m.Source(list, "upstream"),
		Filled:   m.Filled,
		Log:      log,
	}
	m.Stack(s)
	m.Disk(disk)
	m.Upstream(list)
	m.Config("0123456789abcdef")
	return m, s
}

const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

// scrape returns all families by name, native histograms included.
func scrape(t *testing.T, m *metrics.Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	w := get(m, protobuf)
	families := make(map[string]*dto.MetricFamily)
	for d := expfmt.NewDecoder(w.Body, expfmt.ResponseFormat(w.Header())); ; {
		var f dto.MetricFamily
		err := d.Decode(&f)
		if errors.Is(err, io.EOF) {
			return families
		}
		if err != nil {
			t.Fatal(err)
		}
		families[f.GetName()] = &f
	}
}

func get(m *metrics.Metrics, accept string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept", accept)
	m.Handler().ServeHTTP(w, r)
	return w
}

// values returns the series of ours as text, with their values; of a histogram
// it is how often it was told of something.
func values(t *testing.T, m *metrics.Metrics) map[string]float64 {
	t.Helper()
	all := make(map[string]float64)
	for name, f := range scrape(t, m) {
		short, ours := strings.CutPrefix(name, "modtier_")
		for _, series := range f.Metric {
			var labels []string
			for _, l := range series.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			slices.Sort(labels)
			if ours {
				all[short+"{"+strings.Join(labels, ",")+"}"] = series.GetCounter().GetValue() + series.GetGauge().GetValue() +
					float64(series.GetHistogram().GetSampleCount())
			}
		}
	}
	return all
}

// series is every name that is promised, and the values of its labels.
var series = map[string]map[string][]string{
	"requests_total": {"kind": {"info", "mod", "zip", "list", "latest", "query", "sumdb", "other"},
		"code": {"200", "206", "304", "400", "401", "403", "404", "405", "410", "412", "414", "416", "451", "499", "500", "501", "502", "503", "504", "508"}},
	"request_duration_seconds":        {"kind": {"info", "mod", "zip"}, "served_by": {"disk", "upstream", "none"}},
	"response_bytes_total":            {"kind": {"info", "mod", "zip"}, "served_by": {"disk", "upstream", "none"}},
	"tier_lookups_total":              {"tier": {"memory", "disk", "upstream"}, "kind": {"info", "mod", "zip"}, "result": {"hit", "miss", "error"}},
	"tier_operation_duration_seconds": {"tier": {"memory", "disk"}, "op": {"open", "put", "delete"}},
	"tier_read_bytes_total":           {"tier": {"memory", "disk", "upstream"}},
	"tier_bytes":                      {"tier": {"memory", "disk"}},
	"tier_files":                      {"tier": {"memory", "disk"}},
	"tier_evictions_total":            {"tier": {"memory", "disk"}, "reason": {"size", "space"}},
	"tier_eviction_age_seconds":       {"tier": {"memory", "disk"}},
	"fills_in_flight":                 {},
	"fills_total":                     {"source": {"upstream"}, "outcome": {"ok", "absent", "corrupt", "timeout", "error"}},
	"fill_first_byte_seconds":         {},
	"fill_duration_seconds":           {},
	"fill_followers":                  {},
	"fill_resumes_total":              {},
	"collapsed_requests_total":        {},
	"upstream_questions_total":        {"kind": {"list", "latest", "query", "sumdb"}, "result": {"ok", "absent", "error"}},
	"filesystem_floor_bytes":          {},
	"answers_total":                   {"kind": {"list", "latest", "query", "sumdb"}, "state": {"fresh", "stale", "refreshed", "error"}},
}

// expand returns all series of a name.
func expand(name string, labels map[string][]string) []string {
	all := []string{""}
	for _, label := range slices.Sorted(func(yield func(string) bool) {
		for l := range labels {
			if !yield(l) {
				return
			}
		}
	}) {
		var next []string
		for _, s := range all {
			for _, v := range labels[label] {
				next = append(next, strings.TrimPrefix(fmt.Sprintf("%s,%s=%q", s, label, v), ","))
			}
		}
		all = next
	}
	for i, s := range all {
		all[i] = name + "{" + s + "}"
	}
	return all
}

func TestEverySeriesIsThereFromTheStart(t *testing.T) {
	m, _ := open(t)
	got := values(t, m)
	for name, labels := range series {
		for _, s := range expand(name, labels) {
			if n, ok := got[s]; !ok || n != 0 {
				t.Errorf("%s: got %v, there %t, want 0", s, n, ok)
			}
		}
	}
	for s, want := range map[string]float64{`tier_limit_bytes{tier="memory"}`: 1 << 16, `tier_limit_bytes{tier="disk"}`: 1 << 20} {
		if got[s] != want {
			t.Errorf("%s: got %v, want %v", s, got[s], want)
		}
	}
	free, size := got["filesystem_free_bytes{}"], got["filesystem_size_bytes{}"]
	if free <= 0 || free > size {
		t.Errorf("the file system: got %v bytes free of %v", free, size)
	}
	families := scrape(t, m)
	for _, name := range []string{"go_goroutines", "go_memstats_alloc_bytes", "process_open_fds", "process_resident_memory_bytes", "modtier_build_info"} {
		if families[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	if build := families["modtier_build_info"].GetMetric(); len(build) != 1 || !strings.Contains(build[0].String(), "v1.2.3") {
		t.Errorf("build info: got %v, want one of v1.2.3", build)
	}
}

func TestHistogramsAreClassicAndNative(t *testing.T) {
	m, _ := open(t)
	m.Request("mod", 200, "memory", 1, 1, "")
	m.Filled(t.Context(), tiers.Fill{Source: "upstream", FirstByte: 1, Duration: 1, Followers: 1})
	n := 0
	for name, f := range scrape(t, m) {
		if f.GetType() != dto.MetricType_HISTOGRAM || !strings.HasPrefix(name, "modtier_") {
			continue
		}
		n++
		for _, series := range f.Metric {
			h := series.GetHistogram()
			if len(h.Bucket) < 5 {
				t.Errorf("%s has %d classic buckets", name, len(h.Bucket))
			}
			if h.Schema == nil || h.ZeroThreshold == nil {
				t.Errorf("%s is not native", name)
			}
		}
	}
	if n != 7 {
		t.Errorf("got %d histograms, want 7", n)
	}
	text := get(m, "").Body.String()
	if want := `modtier_request_duration_seconds_bucket{kind="mod",served_by="memory",le="0.0001"} 1`; !strings.Contains(text, want) {
		t.Errorf("the text has no line %s", want)
	}
}

func TestWhoAsksForOpenMetricsGetsIt(t *testing.T) {
	m, _ := open(t)
	w := get(m, "application/openmetrics-text;version=1.0.0")
	if kind := w.Header().Get("Content-Type"); !strings.HasPrefix(kind, "application/openmetrics-text") {
		t.Errorf("got Content-Type %q", kind)
	}
	if body := w.Body.String(); !strings.HasSuffix(body, "# EOF\n") || !strings.Contains(body, "modtier_fill_resumes_total 0") {
		t.Errorf("it is not OpenMetrics: ends with %q", body[max(0, len(body)-200):])
	}
}

func TestNamesAreAsPrometheusWantsThem(t *testing.T) {
	m, _ := open(t)
	problems, err := promlint.New(get(m, "").Body).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "modtier_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	for name, f := range scrape(t, m) {
		if f.GetHelp() == "" {
			t.Errorf("%s has no help", name)
		}
	}
}
