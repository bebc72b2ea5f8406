package web

import (
	"io"
	"strings"
	"unicode"
)

const (
	maxText  = 1 << 10  // of what a server says with an error, the part that is kept
	maxDrain = 16 << 10 // the rest that is read to keep the connection
	maxLine  = 300
)

// Said reads what a server says with an error: the beginning, fit for a terminal.
func Said(body io.Reader) string {
	b, _ := io.ReadAll(io.LimitReader(body, maxText))
	Drain(body)
	return Clean(string(b))
}

// Drain reads the body of an error that nobody wants to know, if it is short, so
// that the connection can be used again.
func Drain(body io.Reader) { io.CopyN(io.Discard, body, maxDrain) }

// Clean makes what a server said fit for a terminal. Lines stay lines.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsGraphic(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, ""))
	return strings.TrimSpace(withoutUserinfo(s))
}

// OneLine is Clean in one line, which is not long.
func OneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if s = Clean(s); len(s) > maxLine {
		s = strings.ToValidUTF8(s[:maxLine], "") + "..."
	}
	return s
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
