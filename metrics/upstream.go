package metrics

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// An Upstream answers what changes. It is the gateway's.
type Upstream interface {
	Versions(ctx context.Context, path string) ([]string, error)
	Latest(ctx context.Context, path string) ([]byte, error)
	Query(ctx context.Context, path, query string) ([]byte, error)
	SumDB(ctx context.Context, name, path string) ([]byte, error)
}

// An asked upstream counts what it is asked.
type asked struct {
	upstream                   Upstream
	list, latest, query, sumdb question
}

// A question is one kind of it.
type question struct {
	ok, absent, err prometheus.Counter
	duration        prometheus.Observer
}

// Upstream returns u, counted.
func (m *Metrics) Upstream(u Upstream) Upstream {
	counts := m.counters("upstream_questions_total", "Lists, @latest, branches and checksum databases asked of the upstream, by result: ok, absent (it said that there is none), error.", "kind", "result")
	durations := m.histograms("upstream_question_duration_seconds", "Time until the upstream had answered one of these.", requestBuckets, "kind")
	of := func(kind string) question {
		return question{
			ok:       counts.WithLabelValues(kind, "ok"),
			absent:   counts.WithLabelValues(kind, "absent"),
			err:      counts.WithLabelValues(kind, "error"),
			duration: durations.WithLabelValues(kind),
		}
	}
	return &asked{u, of("list"), of("latest"), of("query"), of("sumdb")}
}

func (a *asked) Versions(ctx context.Context, path string) ([]string, error) {
	start := time.Now()
	vs, err := a.upstream.Versions(ctx, path)
	a.list.answered(start, err)
	return vs, err
}

func (a *asked) Latest(ctx context.Context, path string) ([]byte, error) {
	start := time.Now()
	b, err := a.upstream.Latest(ctx, path)
	a.latest.answered(start, err)
	return b, err
}

func (a *asked) Query(ctx context.Context, path, query string) ([]byte, error) {
	start := time.Now()
	b, err := a.upstream.Query(ctx, path, query)
	a.query.answered(start, err)
	return b, err
}

func (a *asked) SumDB(ctx context.Context, name, path string) ([]byte, error) {
	start := time.Now()
	b, err := a.upstream.SumDB(ctx, name, path)
	a.sumdb.answered(start, err)
	return b, err
}

func (q *question) answered(start time.Time, err error) {
	switch {
	case err == nil:
		q.ok.Inc()
	case errors.Is(err, fs.ErrNotExist):
		q.absent.Inc()
	case errors.Is(err, context.Canceled):
		return // who asked has left, which says nothing of the upstream
	default:
		q.err.Inc()
	}
	q.duration.Observe(time.Since(start).Seconds())
}
