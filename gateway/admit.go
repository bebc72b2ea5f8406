package gateway

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/gateway/policy"
)

// admits reports whether the filter and the hook let a request for a module pass.
// If not, it has answered.
func (g *Gateway) admits(w *response, r *http.Request, p *page, heldOnly bool) bool {
	switch g.Policy.Filter.Rule(p.path, p.version) {
	case policy.Exclude:
		name := module.Version{Path: p.path, Version: p.version}.String()
		w.text(http.StatusForbidden, name+" is not served here: the filter of this site (FilterFile) excludes it")
		return false
	case policy.Direct:
		if heldOnly { // which asks what is here, and nothing is
			w.text(http.StatusNotFound, "not found")
			return false
		}
		// Without our Prefix, which Athens leaves in: it is no part of a path elsewhere.
		w.redirect(http.StatusSeeOther, g.Policy.Filter.Endpoint+p.escaped())
		return false
	}
	if g.Policy.Hook == nil || p.version == "" {
		return true
	}
	if err := g.Policy.Hook.Ask(r.Context(), module.Version{Path: p.path, Version: p.version}); err != nil {
		g.fail(w, r, err)
		return false
	}
	return true
}

// secured reports whether r came over TLS, to us or to the proxy before us. Any
// client can claim the latter: ForceSSL is for people who forgot the s, and keeps
// nobody out who wants in.
func secured(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// mayBePlain reports whether r is for who asks inside of the proxy that ends TLS.
func (g *Gateway) mayBePlain(r *http.Request) bool {
	return r.URL.Path == "/metrics" || g.asksHealth(r)
}

// secureURL is where r should have gone to.
func secureURL(r *http.Request) string {
	u := url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	return u.String()
}
