package gateway

import (
	"log/slog"
	"net/http"
	"strings"
	"unicode"
)

// Of what a refused client says of itself, so many bytes are logged.
const (
	maxTried     = 64
	maxForwarded = 128
)

// tried says for the log who was refused, beside the address of the connection. All
// of it is a client's text or a proxy's, so it is short and in one line.
func (g *Gateway) tried(r *http.Request) (who []slog.Attr) {
	if user := g.triedUser(r); user != "" {
		who = append(who, slog.String("user", user))
	}
	// What the proxy before us adds stands at the end; the rest anybody can claim.
	if chain := strings.Join(r.Header["X-Forwarded-For"], ", "); chain != "" {
		chain = readable(chain)
		if cut := len(chain) - maxForwarded; cut > 0 {
			chain = "..." + strings.ToValidUTF8(chain[cut:], "")
		}
		who = append(who, slog.String("forwarded_for", chain))
	}
	return who
}

// triedUser returns the user that r names, or "" if there is none or it may be a
// secret: a name without a password may be a token, and one that has our password in
// it is the right password in the wrong field.
func (g *Gateway) triedUser(r *http.Request) string {
	user, pass, _ := r.BasicAuth()
	if pass == "" || strings.Contains(user, pass) || g.Pass != "" && strings.Contains(user, g.Pass) {
		return ""
	}
	user = readable(user)
	if len(user) > maxTried {
		user = strings.ToValidUTF8(user[:maxTried], "") + "..."
	}
	return user
}

// readable returns s with a mark in place of each line break, of what reverses the
// writing, and of all else that a person cannot see.
func readable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
