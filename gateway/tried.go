package gateway

import (
	"net/http"
	"strings"
	"unicode"
)

// maxTried is how much of a user name is logged, in bytes.
const maxTried = 64

// tried returns the user that a refused request says it is, for the log, or "": short,
// in one line and no secret. A name without a password may be a token, and one that
// has our password in it is the right password in the wrong field.
func (g *Gateway) tried(r *http.Request) string {
	user, pass, _ := r.BasicAuth()
	if pass == "" || strings.Contains(user, pass) || g.Pass != "" && strings.Contains(user, g.Pass) {
		return ""
	}
	cut := len(user) > maxTried
	user = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) { // a line break, or what reverses the writing
			return unicode.ReplacementChar
		}
		return r
	}, user[:min(len(user), maxTried)])
	if cut {
		user += "..."
	}
	return user
}
