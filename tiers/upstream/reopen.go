package upstream

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/internal/web"
)

// maxResumes is how often in a row a download is begun again without a new byte.
const maxResumes = 5

// resume makes now an answer that goes on after the bytes delivered. If the
// entry is lost, those are tried to which a pipe leads; the error is that of
// the first.
func (b *body) resume() error {
	first := b.reopen()
	for err := first; err != nil; err = b.reopen() {
		if errors.Is(first, tiers.ErrCorrupt) || b.ctx.Err() != nil || !b.next() {
			return first
		}
	}
	if b.list.OnResume != nil {
		b.list.OnResume()
	}
	return nil
}

// next goes on to the next proxy, if there is one to go to.
func (b *body) next() bool {
	if !b.entry.pipe || len(b.rest) == 0 || b.rest[0].word != "" || b.rest[0].isFile() {
		return false
	}
	b.entry, b.rest = b.rest[0], b.rest[1:]
	b.validator, b.fails, b.why = "", 0, passing{}
	return true
}

// reopen asks the entry until it goes on, or it is of no use to ask.
func (b *body) reopen() error {
	for b.why != nil {
		p, ok := b.why.(passing)
		if !ok {
			return b.why
		}
		if b.fails == maxResumes || p.after > maxRetryAfter {
			return p.error
		}
		b.fails++
		if err := pause(b.ctx, b.fails, p.after); err != nil {
			return &tiers.UpstreamError{Upstream: b.entry.name(), Err: err}
		}
		b.why = b.again()
	}
	return nil
}

// again asks once for what is missing, or for the whole file if nothing makes
// sure that a part would be one of the same file.
func (b *body) again() error {
	h, ranged := make(http.Header), b.validator != "" && b.n > 0
	if ranged {
		h.Set("Range", fmt.Sprintf("bytes=%d-", b.n))
		h.Set("If-Range", b.validator)
	}
	a, err := b.list.begin(b.ctx, b.entry, b.path, h)
	if errors.Is(err, fs.ErrNotExist) {
		// A file that has begun is not absent, whatever is said now.
		err = b.failed(errors.New(b.path + " is no longer there"))
	}
	if _, ok := err.(passing); err != nil && !ok && ranged {
		// It may be the range that is refused.
		b.validator = ""
		return passing{error: err}
	}
	if err != nil {
		return err
	}
	if a.StatusCode == http.StatusPartialContent {
		err = b.join(a)
	} else {
		err = b.compare(a)
	}
	if err != nil {
		a.close()
		return err
	}
	b.now = a
	return nil
}

// join accepts a part of a file if it is the one that was asked for.
func (b *body) join(a *answer) error {
	var first, last, total int64
	const format = "bytes %d-%d/%d"
	s := a.Header.Get("Content-Range")
	fmt.Sscanf(s, format, &first, &last, &total) // what it could not read shows below
	same := func(key string) bool {
		v := a.Header.Get(key)
		return v == "" || v == b.header.Get(key)
	}
	if s != fmt.Sprintf(format, first, last, total) || first != b.n || last < first || last >= total ||
		b.size >= 0 && total != b.size || total > b.limit || !same("ETag") || !same("Last-Modified") {
		// Whoever sends such a part is asked for no other.
		b.validator = ""
		return passing{error: b.failed(fmt.Errorf("%s: it sent another range than was asked for, %q", b.path, s))}
	}
	b.size = total
	return nil
}

// compare reads a copy of the file up to where the last one broke off, and
// makes sure that it is the same until there.
func (b *body) compare(a *answer) error {
	if n := a.ContentLength; n >= 0 && b.size >= 0 && n != b.size {
		return b.another("of another length")
	}
	if a.ContentLength > b.limit {
		return tooLarge(b.entry, b.limit)
	}
	h := sha256.New()
	_, err := io.CopyN(h, a, b.n)
	switch {
	case err == io.EOF:
		return b.another("a shorter one")
	case err != nil:
		return passing{error: b.failed(err)}
	case !bytes.Equal(h.Sum(nil), b.sum.Sum(nil)):
		return b.another("with other bytes")
	}
	if b.size < 0 {
		b.size = a.ContentLength
	}
	b.validator, b.header = validator(a.Header), a.Header
	return nil
}

func (b *body) failed(err error) error {
	return &tiers.UpstreamError{Upstream: b.entry.name(), Err: web.Scrub(err)}
}

// another is the error of an upstream whose file is not the one that was begun.
func (b *body) another(which string) error {
	return b.failed(fmt.Errorf("%s: it now sends another file, %s: %w", b.path, which, tiers.ErrCorrupt))
}

// validator returns what an If-Range header may carry for the file that h
// belongs to, or "" (RFC 9110, section 13.1.5). A weak one must not be used:
// it may stay as it is when bytes change.
func validator(h http.Header) string {
	if h.Get("Accept-Ranges") == "none" {
		return ""
	}
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	// A date is strong if the file can not have changed within the same
	// second after it was sent (section 8.8.2.2).
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		return ""
	}
	sent, err := http.ParseTime(h.Get("Date"))
	if err != nil || sent.Sub(modified) < time.Second {
		return ""
	}
	return h.Get("Last-Modified")
}
