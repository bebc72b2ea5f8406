package traces

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/modtier/modtier/locks"
)

// A locker tells of the locks of one type: a span for the wait, and below it another
// for as long as the lock is held, which with a store to save into is until the save
// is done.
type locker struct {
	locks.Locker
	*Traces
	kind string
}

// Locker returns l, traced under the name of its type.
func (t *Traces) Locker(l locks.Locker, kind string) locks.Locker {
	if t == nil {
		return l
	}
	return &locker{l, t, kind}
}

func (l *locker) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	if !recorded(ctx) {
		return l.Locker.Lock(ctx, name)
	}
	kind := attribute.String("modtier.lock.type", l.kind)
	waiting, wait := l.tracer.Start(ctx, "lock", trace.WithAttributes(kind, attribute.String("modtier.lock.name", name)))
	defer wait.End()
	held, unlock, err := l.Locker.Lock(waiting, name)
	wait.SetAttributes(resultKey.String(outcome(err)))
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			fail(wait, err)
		}
		return nil, nil, err
	}
	_, hold := l.tracer.Start(waiting, "lock held", trace.WithAttributes(kind))
	stop := context.AfterFunc(held, func() {
		if errors.Is(context.Cause(held), locks.ErrLost) {
			hold.AddEvent("lost")
		}
	})
	return held, sync.OnceFunc(func() {
		stop()
		hold.End()
		unlock()
	}), nil
}

// outcome names the end of a wait as the metrics do.
func outcome(err error) string {
	switch {
	case err == nil:
		return "acquired"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "waited"
	}
	return "failed_open"
}
