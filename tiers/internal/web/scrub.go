package web

import (
	"errors"
	"io/fs"
	"net/url"
	"strings"
)

// Scrub makes an error of net/http fit to be shown and to be branched on: without
// the URL, which may be as good as a key, such as one that a redirect signed; and
// neither an absence nor a presence. Nobody said "not there" if something that
// asking needs is missing.
func Scrub(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	text := withoutQueries(withoutUserinfo(err.Error()))
	if text != err.Error() || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return errors.New(text)
	}
	return err
}

// withoutQueries removes the queries from the URLs in a text, where a Location
// that cannot be parsed is quoted.
func withoutQueries(s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "://")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		end := strings.IndexAny(after, " \"'\n\t")
		if end < 0 {
			end = len(after)
		}
		path, _, _ := strings.Cut(after[:end], "?")
		b.WriteString("://" + path)
		s = after[end:]
	}
}
