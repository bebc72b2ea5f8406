package main

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/modtier/modtier/gateway/live"
)

// recentProblems and what of each is kept are bounded: they are for a glance, and the
// log has the whole.
const (
	recentProblems = 50
	recentAlike    = 5    // of one message: an outage says the same of each module, and it is to be seen what began it
	maxMessage     = 300  // bytes
	maxDetail      = 1000 // bytes
)

// unlike are the attributes that are not kept: what a Problem has by itself, and what
// tells apart lines that say the same, such as those of all requests that an outage
// fails.
var unlike = []string{slog.TimeKey, slog.LevelKey, slog.MessageKey, "duration", "remote", "bytes", "request_id", "trace_id"}

// A recentLog passes a log on, and keeps the last warnings and errors of it. It sees
// only what the log has.
type recentLog struct {
	slog.Handler
	text slog.Handler // writes the attributes into kept.line
	kept *keptProblems
}

// keptProblems are what all handlers of a log share.
type keptProblems struct {
	mu   sync.Mutex // guards all below, and orders the writes of text
	line bytes.Buffer
	all  []live.Problem // the oldest first
}

// newRecentLog returns h with a memory.
func newRecentLog(h slog.Handler) *recentLog {
	kept := new(keptProblems)
	text := slog.NewTextHandler(&kept.line, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && slices.Contains(unlike, a.Key) {
				return slog.Attr{}
			}
			return a
		},
	})
	return &recentLog{h, text, kept}
}

// Handle is [slog.Handler]'s.
func (l *recentLog) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		l.keep(ctx, r)
	}
	return l.Handler.Handle(ctx, r)
}

func (l *recentLog) keep(ctx context.Context, r slog.Record) {
	k := l.kept
	k.mu.Lock()
	defer k.mu.Unlock()
	k.line.Reset()
	_ = l.text.Handle(ctx, r) // a buffer takes everything
	p := live.Problem{
		Time:    r.Time,
		Level:   r.Level.String(),
		Message: cut(r.Message, maxMessage),
		Detail:  cut(strings.TrimSpace(k.line.String()), maxDetail),
		Times:   1,
	}
	if k.line.Cap() > 16*maxDetail {
		k.line = bytes.Buffer{}
	}
	same := slices.IndexFunc(k.all, func(old live.Problem) bool {
		return old.Level == p.Level && old.Message == p.Message && old.Detail == p.Detail
	})
	alike, first := 0, 0
	for i, old := range slices.Backward(k.all) {
		if old.Level == p.Level && old.Message == p.Message {
			alike, first = alike+1, i
		}
	}
	switch {
	case same >= 0:
		p.Times += k.all[same].Times
		k.all = slices.Delete(k.all, same, same+1)
	case alike == recentAlike:
		k.all = slices.Delete(k.all, first, first+1)
	case len(k.all) == recentProblems:
		k.all = slices.Delete(k.all, 0, 1)
	}
	k.all = append(k.all, p)
}

// WithAttrs is [slog.Handler]'s.
func (l *recentLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &recentLog{l.Handler.WithAttrs(attrs), l.text.WithAttrs(attrs), l.kept}
}

// WithGroup is [slog.Handler]'s.
func (l *recentLog) WithGroup(name string) slog.Handler {
	return &recentLog{l.Handler.WithGroup(name), l.text.WithGroup(name), l.kept}
}

// Problems returns what is kept, the newest first.
func (l *recentLog) Problems() []live.Problem {
	l.kept.mu.Lock()
	defer l.kept.mu.Unlock()
	all := slices.Clone(l.kept.all)
	slices.Reverse(all)
	return all
}

// cut returns the first n bytes of s, without part of a rune.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
