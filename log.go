package main

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/modtier/modtier/config"
)

// newLog returns the logger of a configuration.
func newLog(w io.Writer, c *config.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo // the configuration has been checked
	}
	o := &slog.HandlerOptions{Level: level}
	if c.CloudRuntime == "GCP" {
		o.ReplaceAttr = googleNames
	}
	if c.LogFormat == "json" || c.CloudRuntime == "GCP" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// googleNames gives a line's own attributes the names under which Google Cloud's
// logging looks for them, and the level the word that it has for it.
// https://docs.cloud.google.com/logging/docs/structured-logging
func googleNames(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.LevelKey:
		a.Key = "severity"
		if level, ok := a.Value.Any().(slog.Level); ok && level == slog.LevelWarn {
			a.Value = slog.StringValue("WARNING")
		}
	case slog.MessageKey:
		a.Key = "message"
	}
	return a
}

// flushEvery is the longest that a line waits to be written.
const flushEvery = 100 * time.Millisecond

// flushSize is how many bytes are written at the latest.
const flushSize = 64 << 10

// A lineBuffer writes lines to w some at a time. A hit from memory costs about
// as much as the system call that would write its line.
type lineBuffer struct {
	w io.Writer

	mu    sync.Mutex // guards buf and armed, and orders the writes
	buf   []byte
	armed bool // a flush is on its way
}

func (b *lineBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = append(b.buf, line...)
	if len(b.buf) >= flushSize {
		b.flush()
	} else if !b.armed {
		b.armed = true
		time.AfterFunc(flushEvery, b.Flush)
	}
	return len(line), nil
}

// Flush writes what is there.
func (b *lineBuffer) Flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = false
	b.flush()
}

func (b *lineBuffer) flush() {
	if len(b.buf) > 0 {
		b.w.Write(b.buf) // there is nowhere to say that the log cannot be written
		b.buf = b.buf[:0]
	}
}
