package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// errStalled is why a context of ours is done.
type errStalled time.Duration

func (e errStalled) Error() string {
	return fmt.Sprintf("nothing came for %v", time.Duration(e))
}

// Timeout makes it a timeout to those who ask as package net does.
func (e errStalled) Timeout() bool { return true }

// Is makes it match [context.DeadlineExceeded].
func (e errStalled) Is(target error) bool { return target == context.DeadlineExceeded }

// bound returns a context for one call without a body.
func (b *Bucket) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, b.timeout(), errStalled(b.timeout()))
}

// because returns err, or why ctx is done, which is what made a call fail then.
// Clients' errors for a context that is done are of many forms.
func because(ctx context.Context, err error) error {
	if ctx.Err() == nil || err == nil {
		return err
	}
	return context.Cause(ctx)
}

// A watch ends its context when nothing has moved for a time.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	limit  time.Duration
}

func (b *Bucket) watch(ctx context.Context) *watch {
	w := &watch{limit: b.timeout()}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(w.limit, func() { w.cancel(errStalled(w.limit)) })
	return w
}

func (w *watch) moved() { w.timer.Reset(w.limit) }

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(context.Canceled)
}

// get opens an object. Reads of its body fail if they take too long; the time
// between them, which is the reader's, does not count.
func (b *Bucket) get(ctx context.Context, key string) (*object, error) {
	w := b.watch(ctx)
	o, err := b.client.get(w.ctx, key)
	if err != nil {
		err = because(w.ctx, err)
		w.stop()
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fs.ErrNotExist
		}
		return nil, err
	}
	w.timer.Stop()
	o.body = &watchedBody{o.body, w}
	return o, nil
}

type watchedBody struct {
	body io.ReadCloser
	w    *watch
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.w.moved()
	n, err := b.body.Read(p)
	b.w.timer.Stop()
	if err != nil && err != io.EOF {
		err = because(b.w.ctx, err)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.w.stop()
	return b.body.Close()
}

// create makes body an object. It may take as long as it likes while something
// reads body.
func (b *Bucket) create(ctx context.Context, key, contentType string, body *io.SectionReader) error {
	w := b.watch(ctx)
	defer w.stop()
	body = io.NewSectionReader(&watchedReader{body, w, body.Size()}, 0, body.Size())
	return because(w.ctx, b.client.create(w.ctx, key, contentType, body))
}

type watchedReader struct {
	r    io.ReaderAt
	w    *watch
	size int64
}

func (r *watchedReader) ReadAt(p []byte, off int64) (int, error) {
	if err := r.w.ctx.Err(); err != nil {
		return 0, context.Cause(r.w.ctx)
	}
	r.w.moved()
	n, err := r.r.ReadAt(p, off)
	if err == io.EOF && off+int64(n) < r.size {
		// A body that just ends can be summed up and sent as if it were whole,
		// and there are services that keep it.
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
