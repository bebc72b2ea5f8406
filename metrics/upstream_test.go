package metrics_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/modtier/modtier/metrics"
)

// An oracle answers every question with one error.
type oracle struct{ err error }

func (o *oracle) Versions(context.Context, string) ([]string, error)    { return nil, o.err }
func (o *oracle) Latest(context.Context, string) ([]byte, error)        { return nil, o.err }
func (o *oracle) Query(context.Context, string, string) ([]byte, error) { return nil, o.err }
func (o *oracle) SumDB(context.Context, string, string) ([]byte, error) { return nil, o.err }

func TestQuestionsAreCountedByTheirAnswer(t *testing.T) {
	m, o := metrics.New("v1.2.3"), new(oracle)
	u, ctx := m.Upstream(o), t.Context()
	for result, err := range map[string]error{"ok": nil, "absent": fs.ErrNotExist, "error": errors.New("connection refused")} {
		o.err = err
		for kind, ask := range map[string]func(){
			"list":   func() { u.Versions(ctx, "example.com/m") },
			"latest": func() { u.Latest(ctx, "example.com/m") },
			"query":  func() { u.Query(ctx, "example.com/m", "master") },
			"sumdb":  func() { u.SumDB(ctx, "sum.example", "latest") },
		} {
			counts(t, m, ask, `upstream_questions_total{kind="`+kind+`",result="`+result+`"} 1`,
				`upstream_question_duration_seconds{kind="`+kind+`"} 1`)
		}
	}
	o.err = context.Canceled
	counts(t, m, func() { u.Latest(ctx, "example.com/m") }) // says nothing of the upstream
}
