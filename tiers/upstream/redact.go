package upstream

import (
	"errors"
	"io/fs"
	"net/url"
	"strings"
	"unicode"
)

// redact returns s, which was meant to be a URL, without credentials. It errs
// on the side of showing too little.
func redact(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		scheme, rest = "", s
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	rest, _, _ = strings.Cut(rest, "?")
	if !ok {
		return rest
	}
	return scheme + "://" + rest
}

// withoutUserinfo removes the credentials from the URLs in a text.
func withoutUserinfo(s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "://")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		b.WriteString("://")
		authority := after
		if i := strings.IndexAny(after, "/?#\"'\n\t"); i >= 0 {
			authority = after[:i]
		}
		s = after[strings.LastIndexByte(authority, '@')+1:]
	}
}

// scrub makes err fit for a [tiers.UpstreamError]: without the URL, which may
// be one that a redirect signed, and no absence. Nobody said "not there" if a
// file that asking needs is missing.
func scrub(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	text := withoutUserinfo(err.Error())
	if text != err.Error() || errors.Is(err, fs.ErrNotExist) {
		return errors.New(text)
	}
	return err
}

// clean makes what an upstream said fit for a terminal.
func clean(text []byte) string {
	s := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsGraphic(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(string(text), ""))
	return strings.TrimSpace(withoutUserinfo(s))
}
