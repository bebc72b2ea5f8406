package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// fail records an error about a key: who set it, to what, and why that is wrong.
func (l *loader) fail(id, why string) {
	l.errs = append(l.errs, errors.New(l.about(id)+": "+why))
}

// warn records a warning about a key.
func (l *loader) warn(id, why string) {
	l.warnings = append(l.warnings, l.about(id)+": "+why)
}

// ignore records a warning about a key that has no effect.
func (l *loader) ignore(id, why string) {
	l.warn(id, why)
	l.ignored[id] = true
}

// about begins a message about a key.
func (l *loader) about(id string) string {
	r, from := l.rows[id], l.from[id]
	switch {
	case from == "":
		return l.name(id)
	case r.secret:
		return from + ": " + r.key
	}
	return from + ": " + r.key + " = " + show(l.values.Get(id))
}

// name says where a key may be set.
func (l *loader) name(id string) string {
	r := l.rows[id]
	return fmt.Sprintf("%s (%s)", r.key, strings.Join(r.listed(), ", "))
}

// show writes a value, but nothing before an @: there the credentials of a URL
// are, and a password may hold any character.
func show(value any) string {
	s := fmt.Sprint(value)
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = "***" + s[i:]
	}
	if _, ok := value.(string); ok {
		s = strconv.Quote(s)
	}
	return s
}
