package upstream

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// The largest answers that are taken, in bytes. The go command takes go.mod
// files and zips up to limits of its own, which are no larger
// (https://go.dev/ref/mod#zip-path-size-constraints).
const (
	maxSmall = 1 << 20 // an info or any other small answer
	maxList  = 16 << 20
	maxMod   = 16 << 20
	maxZip   = 4 << 30
)

// Open opens the file that r names at the first proxy that has it. If a
// connection breaks later on, or stalls, the reader of Body does not notice:
// the download goes on where it was, after a check that it is still that of
// the same file. If it is not, the error of the read matches
// [tiers.ErrCorrupt].
func (l *List) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	path, err := fileName(r.Path, r.Version, "."+r.Kind.String())
	if err != nil {
		return nil, err
	}
	limit := int64(maxSmall)
	switch r.Kind {
	case tiers.Mod:
		limit = maxMod
	case tiers.Zip:
		limit = maxZip
	}
	var o *tiers.Object
	err = l.walk(ctx, r.Path, func(e *entry) (err error) {
		if e.isFile() {
			o, err = e.openFile(path, limit)
		} else {
			o, err = l.open(ctx, e, path, limit)
		}
		return err
	}, func(f Fetcher) (err error) {
		o, err = f.Open(ctx, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// fileName returns the path of a file in the @v directory of a module, as the
// protocol escapes it.
func fileName(path, version, ext string) (string, error) {
	p, err := module.EscapePath(path)
	if err != nil {
		return "", fmt.Errorf("upstream: %w", err)
	}
	v, err := module.EscapeVersion(version)
	if err != nil {
		return "", fmt.Errorf("upstream: %w", err)
	}
	return p + "/@v/" + v + ext, nil
}

func (l *List) open(ctx context.Context, e *entry, path string, limit int64) (*tiers.Object, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var a *answer
	err := try(ctx, func() (err error) {
		a, err = l.begin(ctx, e, path, nil)
		return err
	})
	if err == nil && a.ContentLength > limit {
		a.close()
		err = tooLarge(e, limit)
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	o := &tiers.Object{Size: a.ContentLength, Tier: "upstream"}
	if t, err := http.ParseTime(a.Header.Get("Last-Modified")); err == nil {
		o.ModTime = t
	}
	o.Body = &body{
		ctx: ctx, cancel: cancel, list: l, entry: e, rest: l.entries[slices.Index(l.entries, e)+1:],
		path: path, limit: limit, size: a.ContentLength, validator: validator(a.Header), header: a.Header,
		now: a, sum: sha256.New(),
	}
	return o, nil
}

// begin asks for a file, the body of which is then read at the reader's pace.
func (l *List) begin(ctx context.Context, e *entry, path string, header http.Header) (*answer, error) {
	a, err := l.ask(ctx, e, path, header)
	if err != nil {
		return nil, err
	}
	if a.StatusCode != http.StatusPartialContent || header.Get("Range") == "" {
		if err := a.verdict(e); err != nil {
			return nil, err
		}
	}
	a.watch.Rest()
	return a, nil
}

func tooLarge(e *entry, limit int64) error {
	return &tiers.UpstreamError{Upstream: e.name(), Err: fmt.Errorf("the answer is larger than %d MiB", limit>>20)}
}
