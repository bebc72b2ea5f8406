package upstream

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// NewClient returns a client with a connection pool of its own, as a [List]
// uses it if it is given none. It has no timeout for a response, as bodies may
// be long: that is [List.Timeout] and [List.Stall].
func NewClient() *http.Client {
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
			// What is stored is what was sent.
			DisableCompression:     true,
			MaxIdleConns:           256,
			MaxIdleConnsPerHost:    64,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 256 << 10,
		},
	}
}

func (l *List) newClient() *http.Client {
	if l.Client == nil {
		return NewClient()
	}
	c := *l.Client
	if c.CheckRedirect == nil {
		c.CheckRedirect = checkRedirect
	}
	return &c
}

// A redirectError says that a redirect was not followed.
type redirectError string

func (e redirectError) Error() string { return string(e) }

const maxRedirects = 10

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return redirectError(fmt.Sprintf("stopped after %d redirects", maxRedirects))
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return redirectError("redirected from https to " + req.URL.Scheme)
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
