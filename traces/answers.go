package traces

import (
	"context"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// Answers are what an upstream says that may change, and what other programs ask it.
type Answers interface {
	Versions(ctx context.Context, path string) ([]string, error)
	Latest(ctx context.Context, path string) ([]byte, error)
	Query(ctx context.Context, path, query string) ([]byte, error)
	SumDB(ctx context.Context, name, path string) ([]byte, error)
}

// answers tell of each question.
type answers struct {
	of    Answers
	trace source
}

// Answers returns a, traced under the name of its tier.
func (t *Traces) Answers(a Answers, tier string) Answers {
	if t == nil {
		return a
	}
	return &answers{a, source{nil, t, tier, client}}
}

func (a *answers) Versions(ctx context.Context, path string) ([]string, error) {
	ctx, end := a.trace.begin(ctx, "list", module.Version{Path: path})
	vs, err := a.of.Versions(ctx, path)
	end(err)
	return vs, err
}

func (a *answers) Latest(ctx context.Context, path string) ([]byte, error) {
	ctx, end := a.trace.begin(ctx, "latest", module.Version{Path: path})
	b, err := a.of.Latest(ctx, path)
	end(err)
	return b, err
}

func (a *answers) Query(ctx context.Context, path, query string) ([]byte, error) {
	ctx, end := a.trace.begin(ctx, "query", module.Version{Path: path, Version: query})
	b, err := a.of.Query(ctx, path, query)
	end(err)
	return b, err
}

func (a *answers) SumDB(ctx context.Context, name, path string) ([]byte, error) {
	ctx, end := a.trace.begin(ctx, "sumdb", module.Version{Path: name, Version: path})
	b, err := a.of.SumDB(ctx, name, path)
	end(err)
	return b, err
}

// peers tell of what is asked of other instances.
type peers struct {
	tiers.Peers
	*Traces
}

// Peers returns p, traced.
func (t *Traces) Peers(p tiers.Peers) tiers.Peers {
	if t == nil {
		return p
	}
	return &peers{p, t}
}

func (p *peers) Open(ctx context.Context, holder string, r tiers.Ref) (*tiers.Object, error) {
	s := source{opener(func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
		return p.Peers.Open(ctx, holder, r)
	}), p.Traces, "peer", client}
	return s.Open(ctx, r)
}

// An opener is a source of one function.
type opener func(context.Context, tiers.Ref) (*tiers.Object, error)

func (o opener) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) { return o(ctx, r) }
