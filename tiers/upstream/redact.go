package upstream

import "strings"

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
