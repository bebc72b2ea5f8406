// Package web holds what all tiers that speak HTTP need alike: a transport with
// bounds, safe redirects, a watch over requests that stand still, and words of
// servers and of net/http that are fit to be shown. What a tier does for a reason
// of its own is not here.
package web

import (
	"net"
	"net/http"
	"time"
)

// Transport returns a transport with a connection pool of its own. Its user may
// set fields before the first request. It does not bound the wait for a response
// or a body: that is what a [Watch] is for.
func Transport() *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		// All streams of a host share one HTTP/2 connection, so one that died
		// without a word would hold them all up.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
		// What is stored is what was sent, and a compressed answer has no length.
		DisableCompression:     true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    100,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

// Client returns a copy of c that follows redirects by a rule, unless c has one.
// A nil c is a client of a [Transport]. It has no timeout, as bodies may be long.
func Client(c *http.Client, redirects func(*http.Request, []*http.Request) error) *http.Client {
	if c == nil {
		c = &http.Client{Transport: Transport()}
	}
	own := *c
	if own.CheckRedirect == nil {
		own.CheckRedirect = redirects
	}
	return &own
}

// Wrapped returns c with a transport made of its own by wrap, which may be nil.
func Wrapped(c *http.Client, wrap func(http.RoundTripper) http.RoundTripper) *http.Client {
	if wrap == nil {
		return c
	}
	own := *c
	if own.Transport == nil {
		own.Transport = http.DefaultTransport
	}
	own.Transport = wrap(own.Transport)
	return &own
}
