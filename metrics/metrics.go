// Package metrics tells Prometheus which tier answered, how fast, and why not.
//
// It holds the names of all series, decorators that count what passes through a
// tier, and collectors that read what a tier holds. It never touches a body: the
// bytes of a read are the size that the tier announced. Nobody imports it but
// the program's wiring, and the tiers do not know that they are counted.
//
// Start reading at [New]; tier.go, store.go and locker.go have the decorators.
package metrics

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the series of one gateway.
type Metrics struct {
	// TraceID returns the name of the trace that work is recorded in, or "": the
	// exemplar of its duration. It is set before the decorators are made; nil is none.
	TraceID func(context.Context) string

	registry *prometheus.Registry

	requests        *prometheus.CounterVec
	requestDuration *prometheus.HistogramVec
	requestSeries   sync.Map // of requestLabels to requestSeries, since each hit needs one
	responseBytes   *prometheus.CounterVec
	answers         *prometheus.CounterVec

	lookups       *prometheus.CounterVec
	operations    *prometheus.HistogramVec
	readBytes     *prometheus.CounterVec
	evictions     *prometheus.CounterVec
	evictionAge   *prometheus.HistogramVec
	fills         *prometheus.CounterVec
	fillFirstByte prometheus.Observer
	fillDuration  prometheus.Observer
	fillFollowers prometheus.Observer
	unkept        prometheus.Counter
	resumes       prometheus.Counter

	saves         *prometheus.CounterVec
	saveDuration  *prometheus.HistogramVec
	verifications *prometheus.CounterVec
}

// The values of labels, so that every series is there from the start, at 0.
var (
	fileKinds   = []string{"info", "mod", "zip"}
	answerKinds = []string{"list", "latest", "query", "sumdb"}
	codes       = []int{200, 206, 304, 400, 401, 403, 404, 405, 410, 412, 414, 416, 451, 499, 500, 501, 502, 503, 504, 508}
	servers     = map[string][]string{
		"info": {"memory", "disk", "upstream", "none"}, "mod": {"memory", "disk", "upstream", "none"},
		"zip": {"disk", "upstream", "none"}, "sumdb": {"notes", "answers", "upstream", "gateway", "none"},
		"list": {"answers", "held", "upstream", "none"}, "latest": {"answers", "held", "upstream", "none"},
		"query": {"answers", "upstream", "none"}, "other": {"gateway"}, "peer": {"disk", "upstream", "none"},
	}
)

// Buckets of the classic histograms, in seconds. Each histogram is a native one
// too, of finer grain, for a Prometheus that scrapes those.
var (
	requestBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
	fillBuckets    = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}

	// From a minute to three months.
	ageBuckets = []float64{60, 600, 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 4 * 86400, 7 * 86400, 14 * 86400, 30 * 86400, 90 * 86400}
)

// New returns the series of a gateway of that version over those stores.
func New(version string, stores ...string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.requests = m.counters("requests_total", "Requests by kind and HTTP status; 499 is a client that left.", "kind", "code")
	m.requestDuration = m.histograms("request_duration_seconds", "From the request's header to the last byte of its response, by the tier that answered.", requestBuckets, "kind", "served_by")
	m.responseBytes = m.counters("response_bytes_total", "Bytes of the bodies of responses, by the tier that answered.", "kind", "served_by")
	m.answers = m.counters("answers_total", "Mutable answers given, by their state.", "kind", "state")
	m.lookups = m.counters("tier_lookups_total", "Files asked of a tier. A request that joins another one's fill is one miss of each cache.", "tier", "kind", "result")
	m.operations = m.histograms("tier_operation_duration_seconds", "Time until a tier had opened, put or deleted a file.", requestBuckets, "tier", "op")
	m.readBytes = m.counters("tier_read_bytes_total", "Size of the files that a tier opened.", "tier")
	m.evictions = m.counters("tier_evictions_total", "Files that had to go, for the tier's own size or for space in the file system.", "tier", "reason")
	m.evictionAge = m.histograms("tier_eviction_age_seconds", "Time since the last use of a file that had to go: under a day, the tier is small for what is asked of it.", ageBuckets, "tier")
	m.fills = m.counters("fills_total", "Fills ended, by the tier they came from.", "source", "outcome")
	m.fillFirstByte = m.histograms("fill_first_byte_seconds", "From a miss to the first byte that could be served.", fillBuckets).WithLabelValues()
	m.fillDuration = m.histograms("fill_duration_seconds", "From a miss until the file was on disk.", fillBuckets).WithLabelValues()
	m.fillFollowers = m.histograms("fill_followers", "Requests that one fill served.", prometheus.ExponentialBuckets(1, 2, 10)).WithLabelValues()
	m.resumes = m.counters("fill_resumes_total", "Downloads that broke and went on where they were, unseen by clients.").WithLabelValues()
	m.unkept = m.counters("fills_unkept_total", "Files that were served and found no place on disk or in the queue.").WithLabelValues()
	if len(stores) > 0 {
		m.saves = m.counters("saves_total", "Versions saved into a store, by result: ok, whole (the store wants all of a version and is to get it), error, conflict (also counted as ok: the store has other content, which stays).", "store", "result")
		m.saveDuration = m.histograms("save_duration_seconds", "Time that a store took to save a version.", fillBuckets, "store")
		m.verifications = m.counters("verifications_total", "Verifications of what is about to be saved.", "result")
		for _, result := range []string{"ok", "excluded", "corrupt", "unknown", "error"} {
			m.verifications.WithLabelValues(result)
		}
	}
	m.zero(stores)

	info := m.gauges("build_info", "1, with what this binary is.", "version", "goversion")
	info.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.MetricsGC, collectors.MetricsMemory, collectors.MetricsScheduler)),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// zero makes the series of known labels.
func (m *Metrics) zero(stores []string) {
	for kind, by := range servers {
		for _, c := range codes {
			m.requests.WithLabelValues(kind, strconv.Itoa(c))
		}
		if slices.Contains(fileKinds, kind) {
			by = slices.Concat(by, stores)
		}
		for _, s := range by {
			m.requestDuration.WithLabelValues(kind, s)
			m.responseBytes.WithLabelValues(kind, s)
		}
	}
	for _, kind := range answerKinds {
		for _, state := range []string{"fresh", "stale", "refreshed", "error"} {
			m.answers.WithLabelValues(kind, state)
		}
	}
	for _, outcome := range []string{"ok", "absent", "corrupt", "timeout", "error"} {
		for _, source := range append([]string{"upstream"}, stores...) {
			m.fills.WithLabelValues(source, outcome)
		}
	}
}

// Handler serves the series, in the OpenMetrics format to who asks for it.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: 8,
		Timeout:             30 * time.Second,
	})
}

type requestLabels struct {
	kind     string
	status   int
	servedBy string
}

type requestSeries struct {
	count    prometheus.Counter
	duration prometheus.Observer
	bytes    prometheus.Counter
}

// Request counts a request that is over; traceID is "" if it is in no trace.
func (m *Metrics) Request(kind string, status int, servedBy string, d time.Duration, bytes int64, traceID string) {
	labels := requestLabels{kind, status, servedBy}
	s, ok := m.requestSeries.Load(labels)
	if !ok {
		s, _ = m.requestSeries.LoadOrStore(labels, requestSeries{
			count:    m.requests.WithLabelValues(kind, strconv.Itoa(status)),
			duration: m.requestDuration.WithLabelValues(kind, servedBy),
			bytes:    m.responseBytes.WithLabelValues(kind, servedBy),
		})
	}
	series := s.(requestSeries)
	series.count.Inc()
	observe(series.duration, d, traceID)
	series.bytes.Add(float64(bytes))
}

// Config says which configuration this instance has, by a hash of it.
func (m *Metrics) Config(hash string) {
	m.gauges("config_info", "1, with a hash of the configuration. Instances of one fleet have the same; secrets, addresses and paths are not in it.", "hash").
		WithLabelValues(hash).Set(1)
}

// Answer counts a mutable answer.
func (m *Metrics) Answer(kind, state string) { m.answers.WithLabelValues(kind, state).Inc() }

// Resumed counts a download that broke and is resumed.
func (m *Metrics) Resumed() { m.resumes.Inc() }

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "modtier", Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "modtier", Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "modtier", Name: name, Help: help,
		Buckets:                         buckets,
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	}, labels)
	m.registry.MustRegister(v)
	return v
}
