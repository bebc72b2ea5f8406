package bucket

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
)

func (c *gcs) get(ctx context.Context, key string) (*object, error) {
	r, err := c.reader(ctx, key)
	if err != nil {
		return nil, err
	}
	return &object{body: r, size: r.Attrs.Size, modTime: r.Attrs.LastModified}, nil
}

func (c *gcs) reader(ctx context.Context, key string) (*storage.Reader, error) {
	r, err := c.bucket.Object(key).NewReader(ctx)
	if errors.Is(err, storage.ErrObjectNotExist) {
		// An emulator says 404 without a word on what is missing.
		if _, err = c.names(ctx, storage.Query{}, 1); err == nil {
			err = errNoKey
		}
	}
	if errors.Is(err, errNoKey) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, c.failure(err)
	}
	return r, nil
}

// gcsChunk is what a large object is sent in, and what a save holds in memory.
const gcsChunk = 4 << 20

var errChanged = errors.New("the file changed while it was sent")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (c *gcs) create(ctx context.Context, key, contentType string, body *io.SectionReader) error {
	o := c.bucket.Object(key).If(storage.Conditions{DoesNotExist: true}).Retryer(uploads(attempts))
	_, err := c.put(ctx, o, storage.ObjectAttrs{ContentType: contentType}, body)
	return err
}

// uploads limits the tries of an upload, which have no other limit than its context.
func uploads(tries int) storage.RetryOption {
	failures := 0
	return storage.WithErrorFunc(func(err error) bool {
		if !storage.ShouldRetry(err) {
			return false
		}
		failures++
		return failures < tries
	})
}

// put makes body the object, on the conditions of o. It sends the checksum of all of
// body ahead: whatever then breaks off, the service stores no part of it as the whole.
func (c *gcs) put(ctx context.Context, o *storage.ObjectHandle, attrs storage.ObjectAttrs, body *io.SectionReader) (*storage.ObjectAttrs, error) {
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(sum, whole(body)); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := o.NewWriter(ctx)
	w.ContentType, w.CacheControl = attrs.ContentType, attrs.CacheControl
	w.SendCRC32C, w.CRC32C = true, sum.Sum32()
	w.ChunkSize = int(min(body.Size()+1, gcsChunk)) // one more, to find the end in the first request
	w.ChunkRetryDeadline, w.ChunkTransferTimeout = c.timeout(), c.timeout()
	from, sent := whole(body), crc32.New(castagnoli)
	_, err := io.Copy(io.MultiWriter(w, sent), from) // Close says what failed, if not reading did
	if err == nil && sent.Sum32() != sum.Sum32() {
		from.err = errChanged // emulators do not look at the checksum of many chunks
	}
	if from.err != nil {
		cancel() // before Close, which would send the end
		w.Close()
		return nil, from.err
	}
	err = w.Close()
	if e, ok := errors.AsType[*googleapi.Error](err); ok && e.Code == http.StatusPreconditionFailed {
		return nil, fs.ErrExist
	}
	if err != nil {
		return nil, c.failure(err)
	}
	return w.Attrs(), nil
}

func (c *gcs) remove(ctx context.Context, key string) error {
	err := c.bucket.Object(key).Delete(ctx)
	if errors.Is(err, storage.ErrObjectNotExist) {
		return nil
	}
	return c.failure(err)
}

func (c *gcs) list(ctx context.Context, prefix, after string, limit int) (keys []string, more bool, err error) {
	if limit < 1 || limit >= c.page {
		limit = c.page - 1
	}
	p, err := c.names(ctx, storage.Query{Prefix: prefix, StartOffset: after}, limit+1) // StartOffset includes after
	if err != nil {
		return nil, false, c.failure(err)
	}
	for {
		for _, name := range p.names {
			if name > after {
				keys = append(keys, name)
			}
		}
		if len(keys) > 0 || p.next == "" {
			return keys, p.next != "", nil
		}
		if err := p.turn(); err != nil {
			return nil, false, c.failure(err)
		}
	}
}

// A namePage is some of the names that a query finds.
type namePage struct {
	pager *iterator.Pager
	names []string
	next  string // "" if there are no more
}

func (c *gcs) names(ctx context.Context, q storage.Query, n int) (*namePage, error) {
	if err := q.SetAttrSelection([]string{"Name"}); err != nil {
		return nil, err
	}
	p := &namePage{pager: iterator.NewPager(c.bucket.Objects(ctx, &q), n, "")}
	return p, p.turn()
}

// turn goes to the next page, which may be empty.
func (p *namePage) turn() (err error) {
	var attrs []*storage.ObjectAttrs
	p.next, err = p.pager.NextPage(&attrs)
	p.names = p.names[:0]
	for _, a := range attrs {
		p.names = append(p.names, a.Name)
	}
	return err
}
