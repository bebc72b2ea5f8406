package external

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// newHTTP returns c with our rule for redirects if it has none, and without c a
// client with a connection pool of its own.
func newHTTP(c *http.Client) *http.Client {
	if c != nil {
		own := *c
		if own.CheckRedirect == nil {
			own.CheckRedirect = checkRedirect
		}
		return &own
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		CheckRedirect: checkRedirect,
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         dialer.DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			ForceAttemptHTTP2:   true,
			// All streams of a host share one HTTP/2 connection, so one that
			// died without a word would hold them all up.
			HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
			// What is stored is what was sent, and a compressed answer has no
			// length.
			DisableCompression:     true,
			MaxIdleConns:           64,
			MaxIdleConnsPerHost:    64,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 256 << 10,
		},
	}
}

const maxRedirects = 10

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return fmt.Errorf("stopped after %d redirects", maxRedirects)
	}
	// To 301, 302 and 303 net/http sends a GET: a save would save nothing, and
	// whatever page answers the GET would say that it went well.
	if req.Method != via[0].Method {
		return fmt.Errorf("a redirect would make a %s of a %s", req.Method, via[0].Method)
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("redirected from https to %s", req.URL.Scheme)
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
