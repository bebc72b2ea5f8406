package bucket

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/modtier/modtier/tiers/internal/web"
)

// bound returns a context for one call without a body.
func (b *Bucket) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, b.timeout(), web.Stall{Lack: "answer", For: b.timeout()})
}

// get opens an object. Reads of its body fail if they take too long; the time
// between them, which is the reader's, does not count.
func (b *Bucket) get(ctx context.Context, key string) (*object, error) {
	w := web.Over(ctx, b.timeout())
	o, err := b.client.get(w.Context, key)
	if err != nil {
		err = web.Why(w.Context, err)
		w.End()
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fs.ErrNotExist
		}
		return nil, err
	}
	w.Rest()
	o.body = &watchedBody{o.body, w, b.timeout()}
	return o, nil
}

type watchedBody struct {
	body io.ReadCloser
	w    *web.Watch
	most time.Duration
}

func (b *watchedBody) Read(p []byte) (int, error) { return b.w.Read(b.body, p, b.most) }

func (b *watchedBody) Close() error {
	b.w.End()
	return b.body.Close()
}

// create makes body an object. It may take as long as it likes while something
// reads body.
func (b *Bucket) create(ctx context.Context, key, contentType string, body *io.SectionReader) error {
	w := web.Over(ctx, b.timeout())
	defer w.End()
	body = io.NewSectionReader(&watchedReader{body, w, b.timeout(), body.Size()}, 0, body.Size())
	return web.Why(w.Context, b.client.create(w.Context, key, contentType, body))
}

type watchedReader struct {
	r    io.ReaderAt
	w    *web.Watch
	most time.Duration
	size int64
}

func (r *watchedReader) ReadAt(p []byte, off int64) (int, error) {
	if r.w.Context.Err() != nil {
		return 0, context.Cause(r.w.Context)
	}
	r.w.Give(r.most)
	n, err := r.r.ReadAt(p, off)
	if err == io.EOF && off+int64(n) < r.size {
		// A body that just ends can be summed up and sent as if it were whole,
		// and there are services that keep it.
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
