package traces

import (
	"context"
	"log/slog"
)

// A handler adds to a line the trace that its context is recorded in.
type handler struct{ slog.Handler }

// Log returns l, whose lines then have a trace_id if their work has one.
func (t *Traces) Log(l *slog.Logger) *slog.Logger {
	if t == nil {
		return l
	}
	return slog.New(handler{l.Handler()})
}

func (h handler) Handle(ctx context.Context, line slog.Record) error {
	if id := ID(ctx); id != "" {
		line = line.Clone()
		line.AddAttrs(slog.String("trace_id", id))
	}
	return h.Handler.Handle(ctx, line)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
