package web

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// A Stall is why a request was broken off. It matches [os.ErrDeadlineExceeded]
// and [context.DeadlineExceeded].
type Stall struct {
	Lack string // "answer" or "byte"
	For  time.Duration
}

func (e Stall) Error() string { return fmt.Sprintf("no %s for %v", e.Lack, e.For) }

func (e Stall) Is(target error) bool {
	return target == os.ErrDeadlineExceeded || target == context.DeadlineExceeded
}

// Timeout makes it a timeout to those who ask as package net does.
func (e Stall) Timeout() bool { return true }

// A Watch breaks off a request that stands still. End it.
type Watch struct {
	// Context is the request's; its cause says why it was broken off.
	Context context.Context

	cancel context.CancelCauseFunc
	timer  *time.Timer
	given  atomic.Int64 // the last time.Duration; 0 until the first Give
}

// Over starts a watch that gives a request d to be answered.
func Over(ctx context.Context, d time.Duration) *Watch {
	w := new(Watch)
	w.Context, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(d, func() {
		if given := w.given.Load(); given != 0 {
			w.cancel(Stall{"byte", time.Duration(given)})
		} else {
			w.cancel(Stall{"answer", d})
		}
	})
	return w
}

// Give gives the request d from now on, until a byte moves. Any goroutine may.
func (w *Watch) Give(d time.Duration) {
	w.given.Store(int64(d))
	w.timer.Reset(d)
}

// Rest watches no more until the next Give.
func (w *Watch) Rest() { w.timer.Stop() }

// End ends the request, too, if it has not come to its end.
func (w *Watch) End() {
	w.timer.Stop()
	w.cancel(nil)
}

// Read reads from the body of the request, which has d to bring something. The
// time between reads, which is the reader's, does not count.
func (w *Watch) Read(body io.Reader, p []byte, d time.Duration) (int, error) {
	w.Give(d)
	n, err := body.Read(p)
	w.Rest()
	if err != io.EOF {
		err = Why(w.Context, err)
	}
	return n, err
}

// Why returns what broke a request of ctx off, or else err. What a client says of
// a context that is done has many forms.
func Why(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return context.Cause(ctx)
}
