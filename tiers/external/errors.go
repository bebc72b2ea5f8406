package external

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

// ErrTooLarge says that the server takes no version as large as this one, so
// that there is no use in trying again.
var ErrTooLarge = errors.New("larger than the server takes")

// A StatusError is an answer that is neither what was asked for nor an absence:
// nothing is known about what the server has.
type StatusError struct {
	Status int    // of HTTP
	Text   string // what the server said with it, shortened; may be empty
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("the server answered %d", e.Status)
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// tooLarge adds to an answer to a save what it means. The protocol has no status
// for a body that is too large: Athens' server says 400 to every error of a save,
// so only the text tells this one, which lasts, from an outage of its storage.
func tooLarge(err error) error {
	e, ok := errors.AsType[*StatusError](err)
	switch {
	case !ok:
		return err
	case e.Status == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case e.Status == http.StatusBadRequest && strings.Contains(e.Text, "request body too large"):
		return fmt.Errorf("%w: %w (Athens' own server takes 1 MiB, zip and all, since v0.17.0)", ErrTooLarge, err)
	}
	return err
}

// scrub makes an error of net/http fit to be shown and to be branched on:
// without the URL, which may be one that a redirect signed, and no absence.
// Nobody said "not there" if something that asking needs is missing.
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

// clean makes what a server said fit for a terminal.
func clean(text []byte) string {
	s := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsGraphic(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(string(text), ""))
	return strings.TrimSpace(withoutUserinfo(s))
}
