package gateway

import (
	"hash/maphash"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/modtier/modtier/tiers"
)

// recent remembers what was worked out for the paths asked for lately: what they
// mean, and the headers of the file as it was last sent. To decode and check a
// path, and to write numbers and dates, costs more than to find a file in memory.
//
// Each path has one place, by its hash, which another path may take at any time.
type recent struct {
	seed   maphash.Seed
	places [4096]atomic.Pointer[page]
}

// A page is a path and what follows from it alone.
type page struct {
	url string
	question
	validators atomic.Pointer[validators]
}

// validators are the headers that follow from a file's size and time.
type validators struct {
	size                       int64
	modTime                    time.Time
	etag, lastModified, length []string
}

// parse is parse, from memory where that serves.
func (c *recent) parse(path string) (*page, error) {
	place := &c.places[maphash.String(c.seed, path)%uint64(len(c.places))]
	if p := place.Load(); p != nil && p.url == path {
		return p, nil
	}
	q, err := parse(path)
	if err != nil {
		return nil, err
	}
	p := &page{url: path, question: q}
	place.Store(p)
	return p, nil
}

// escaped returns the path as the go command writes it in a URL: with the ! of the
// protocol as it is, for not every proxy knows it as %21.
func (p *page) escaped() string {
	u := url.URL{Path: p.url}
	return strings.ReplaceAll(u.EscapedPath(), "%21", "!")
}

// of returns the validators of o, or nil if it has none: its size or its time is
// not known.
func (p *page) of(o *tiers.Object) *validators {
	if o.Size < 0 || o.ModTime.IsZero() {
		return nil
	}
	if v := p.validators.Load(); v != nil && v.size == o.Size && v.modTime.Equal(o.ModTime) {
		return v
	}
	v := &validators{
		size:         o.Size,
		modTime:      o.ModTime,
		etag:         []string{etag(o.Size, o.ModTime)},
		lastModified: []string{o.ModTime.UTC().Format(http.TimeFormat)},
		length:       []string{strconv.FormatInt(o.Size, 10)},
	}
	p.validators.Store(v)
	return v
}

// etag tells one copy of a file from another. Two fetches of a version may give
// zips of equal meaning and different bytes, so its name alone would not do.
func etag(size int64, modTime time.Time) string {
	b := make([]byte, 0, 32)
	b = append(b, '"')
	b = strconv.AppendInt(b, modTime.UnixMicro(), 36)
	b = append(b, '-')
	b = strconv.AppendInt(b, size, 36)
	return string(append(b, '"'))
}
