package tiers

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// stall is how long a read from a store's body may bring nothing.
const stall = 30 * time.Second

// watch puts a watch on the body of o.
func (h *Health) watch(ctx context.Context, r Ref, o *Object, cancel context.CancelFunc) *Object {
	b := &watched{h: h, ctx: ctx, body: o.Body, cancel: cancel}
	b.patience = time.AfterFunc(stall, b.giveUp)
	b.patience.Stop()
	b.why = fmt.Errorf("%s: read %s: no byte for %v: %w", h.Name, r, stall, os.ErrDeadlineExceeded)
	b.close = sync.OnceValue(func() error {
		defer cancel()
		return b.body.Close()
	})
	watched := *o
	watched.Body = b
	return &watched
}

// A watched body fails when the store sends nothing for too long, and tells what
// became of it.
type watched struct {
	h      *Health
	ctx    context.Context // of the caller
	body   io.ReadCloser
	cancel context.CancelFunc
	close  func() error

	patience *time.Timer // runs during a Read
	why      error       // what a Read fails with that takes longer
	judged   sync.Once   // by the first Read that ended the body, or Close
}

func (b *watched) Read(p []byte) (int, error) {
	b.patience.Reset(stall)
	n, err := b.body.Read(p)
	if !b.patience.Stop() {
		err = b.why
	}
	if err == io.EOF {
		b.judge(nil)
	} else if err != nil {
		b.judge(err)
	}
	return n, err
}

// giveUp ends a Read that hangs: a body is closed for that while it is read.
func (b *watched) giveUp() {
	b.cancel()
	b.close()
}

func (b *watched) judge(err error) { b.judged.Do(func() { b.h.judge(b.ctx, err) }) }

func (b *watched) Close() error {
	b.judge(nil)
	return b.close()
}
