package web

import (
	"fmt"
	"net/http"
	"strings"
)

// A RedirectError says why a redirect was not followed.
type RedirectError string

func (e RedirectError) Error() string { return string(e) }

const maxRedirects = 10

// CheckRedirect is a rule for [http.Client.CheckRedirect]. It follows redirects
// to other hosts, without credentials, and none from https to http.
func CheckRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return RedirectError(fmt.Sprintf("stopped after %d redirects", maxRedirects))
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return RedirectError("redirected from https to " + req.URL.Scheme)
	}
	// net/http takes subdomains and other ports for the same host. Nobody
	// gave us credentials for those.
	if !strings.EqualFold(req.URL.Host, via[0].URL.Host) {
		req.Header.Del("Authorization")
	}
	// The query of the first URL may be a secret, too.
	req.Header.Del("Referer")
	return nil
}
