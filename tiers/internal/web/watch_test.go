package web_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/tiers/internal/web"
)

func TestWatch(t *testing.T) {
	// stalls checks what w broke its request off with, and when.
	stalls := func(t *testing.T, w *web.Watch, after time.Duration, text string) {
		t.Helper()
		start := time.Now()
		<-w.Context.Done()
		err := web.Why(w.Context, io.ErrUnexpectedEOF)
		if err.Error() != text || time.Since(start) != after {
			t.Errorf("got error %v after %v, want %q after %v", err, time.Since(start), text, after)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v matches not all that says deadline", err)
		}
	}
	for claim, test := range map[string]func(t *testing.T){
		"a request that gets no answer is broken off": func(t *testing.T) {
			w := web.Over(t.Context(), time.Minute)
			defer w.End()
			stalls(t, w, time.Minute, "no answer for 1m0s")
		},
		"one that moves is not": func(t *testing.T) {
			w := web.Over(t.Context(), time.Minute)
			defer w.End()
			for range 10 {
				time.Sleep(59 * time.Second)
				w.Give(time.Minute)
			}
			w.Give(time.Hour)
			stalls(t, w, time.Hour, "no byte for 1h0m0s")
		},
		"a body that stands still is, and time between reads does not count": func(t *testing.T) {
			w := web.Over(t.Context(), time.Minute)
			defer w.End()
			r, out := io.Pipe()
			context.AfterFunc(w.Context, func() { r.Close() })
			go io.WriteString(out, "x")
			p := make([]byte, 10)
			if n, err := w.Read(r, p, time.Second); n != 1 || err != nil {
				t.Errorf("got %d bytes, error %v, want 1", n, err)
			}
			time.Sleep(time.Hour)
			start := time.Now()
			if n, err := w.Read(r, p, time.Second); n != 0 || err == nil || err.Error() != "no byte for 1s" || time.Since(start) != time.Second {
				t.Errorf("got %d bytes, error %v after %v, want none for 1s", n, err, time.Since(start))
			}
		},
		"the end of a body is io.EOF itself, even behind a deadline": func(t *testing.T) {
			w := web.Over(t.Context(), time.Minute)
			time.Sleep(time.Hour)
			if _, err := w.Read(io.LimitReader(nil, 0), nil, time.Second); err != io.EOF {
				t.Errorf("got error %v, want io.EOF", err)
			}
		},
		"the caller's reason comes first": func(t *testing.T) {
			mine := errors.New("mine")
			ctx, cancel := context.WithCancelCause(t.Context())
			w := web.Over(ctx, time.Minute)
			defer w.End()
			if err := web.Why(w.Context, io.ErrUnexpectedEOF); err != io.ErrUnexpectedEOF {
				t.Errorf("before: got error %v, want it as it was", err)
			}
			cancel(mine)
			if err := web.Why(w.Context, io.ErrUnexpectedEOF); err != mine {
				t.Errorf("got error %v, want the caller's", err)
			}
			if err := web.Why(w.Context, nil); err != nil {
				t.Errorf("got error %v of none", err)
			}
		},
		"what has ended is not watched": func(t *testing.T) {
			w := web.Over(t.Context(), time.Minute)
			w.End()
			time.Sleep(time.Hour)
			if err := context.Cause(w.Context); err != context.Canceled {
				t.Errorf("got cause %v, want context.Canceled", err)
			}
		},
	} {
		t.Run(claim, func(t *testing.T) { synctest.Test(t, test) })
	}
}
