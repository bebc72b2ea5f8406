package bucket

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// A Config says how locks are held.
type Config struct {
	// TTL is how long one holder may hold a lock at all. 0 is 15 minutes.
	TTL time.Duration

	// Lease is how long a lock outlives a holder that died: at least a second,
	// and at most 15 minutes. 0 is 15 seconds.
	Lease time.Duration

	// Prefix goes before "lease/" and the name of a lock. "" is what Athens has.
	Prefix string

	// Holder is what [Locker.Holder] tells others of a lock's holder: a line of
	// at most 1 KiB. It may be empty.
	Holder string
}

// longest is the longest lease that is kept to, whatever an object says.
const longest = 15 * time.Minute

const maxHolder = 1 << 10

// checked returns c with its defaults.
func (c Config) checked() (Config, error) {
	switch {
	case c.TTL < 0:
		return c, errors.New("bucket: the TTL of a lock is not above 0")
	case c.Lease != 0 && (c.Lease < time.Second || c.Lease > longest):
		return c, fmt.Errorf("bucket: the lease of a lock is not between a second and %v", longest)
	case len(c.Holder) > maxHolder || strings.ContainsFunc(c.Holder, unicode.IsControl):
		return c, fmt.Errorf("bucket: what the holder of a lock says is no line of at most %d bytes", maxHolder)
	}
	c.TTL = cmp.Or(c.TTL, 15*time.Minute)
	c.Lease = cmp.Or(c.Lease, 15*time.Second)
	return c, nil
}

// key returns the key of the lock of that name: lease/path@version.
//
// There are stores that keep objects as files: one cannot lie below another, and
// what is in none of the paths and versions of modules may mean something there. So a
// slash that is not within a path, and any other byte that is not of a module, is
// written as = and two digits; and a name that has no @ gets a = in front.
func (c Config) key(name string) string {
	var b strings.Builder
	b.WriteString(c.Prefix)
	b.WriteString("lease/")
	version := false // the @ has come
	if !strings.Contains(name, "@") {
		b.WriteByte('=')
		version = true
	}
	start := true // of an element
	for i := range len(name) {
		switch ch := name[i]; {
		case ch >= 'a' && ch <= 'z', ch >= 'A' && ch <= 'Z', ch >= '0' && ch <= '9',
			ch == '-', ch == '_', ch == '~', ch == '+', ch == '@',
			ch == '.' && !start, ch == '/' && !start && !version:
			b.WriteByte(ch)
			version = version || ch == '@'
			start = ch == '/'
		default:
			fmt.Fprintf(&b, "=%02X", ch)
			start = false
		}
	}
	return b.String()
}
