package bucket

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/googleapi"
)

// gcsChanges is how often a change of an object is tried, as far as its context lasts,
// and gcsPause how long a pause between may be: the service takes one a second of the
// same object, and answers 429 to others.
const (
	gcsChanges = 50
	gcsPause   = 400 * time.Millisecond
)

func (c *gcs) read(ctx context.Context, key string) (o *object, tag string, now time.Time, err error) {
	ctx, date := withDate(ctx)
	r, err := c.reader(ctx, key)
	if err != nil {
		return nil, "", now, err
	}
	if at := date.Load(); at != nil {
		now = *at
	}
	return &object{body: r, size: r.Attrs.Size, modTime: r.Attrs.LastModified}, strconv.FormatInt(r.Attrs.Generation, 10), now, nil
}

func (c *gcs) write(ctx context.Context, key string, body *io.SectionReader, tag string) (newTag string, err error) {
	on, err := gcsIf(tag)
	if err != nil {
		return "", err
	}
	// Google keeps copies of what anybody may read, unless it is told not to.
	attrs, err := c.put(ctx, c.bucket.Object(key).If(on).Retryer(uploads(gcsChanges), gcsBackoff()),
		storage.ObjectAttrs{ContentType: objectType, CacheControl: "no-store"}, body)
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(attrs.Generation, 10), nil
}

func (c *gcs) removeIf(ctx context.Context, key, tag string) error {
	o := c.bucket.Object(key).Retryer(storage.WithMaxAttempts(gcsChanges), gcsBackoff())
	if tag != "" {
		on, err := gcsIf(tag)
		if err != nil {
			return err
		}
		o = o.If(on)
	}
	err := o.Delete(ctx)
	if errors.Is(err, storage.ErrObjectNotExist) {
		return nil
	}
	if e, ok := errors.AsType[*googleapi.Error](err); ok && e.Code == http.StatusPreconditionFailed {
		return fs.ErrExist
	}
	return c.failure(err)
}

func gcsBackoff() storage.RetryOption {
	return storage.WithBackoff(gax.Backoff{Initial: gcsPause / 2, Max: gcsPause, Multiplier: 2})
}

// gcsIf returns the condition that an object has tag, which is its generation, or that
// there is none.
func gcsIf(tag string) (storage.Conditions, error) {
	if tag == "" {
		return storage.Conditions{DoesNotExist: true}, nil
	}
	n, err := strconv.ParseInt(tag, 10, 64)
	if err != nil || n == 0 {
		return storage.Conditions{}, errors.New("the tag is no generation")
	}
	return storage.Conditions{GenerationMatch: n}, nil
}

type dateKey struct{}

// withDate returns a context whose requests leave the date of the answer.
func withDate(ctx context.Context) (context.Context, *atomic.Pointer[time.Time]) {
	date := new(atomic.Pointer[time.Time])
	return context.WithValue(ctx, dateKey{}, date), date
}

// leaveDate leaves the date of resp where withDate said.
func leaveDate(ctx context.Context, resp *http.Response) {
	date, ok := ctx.Value(dateKey{}).(*atomic.Pointer[time.Time])
	if !ok {
		return
	}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		date.Store(&at)
	}
}
