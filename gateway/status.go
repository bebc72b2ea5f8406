package gateway

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	"github.com/modtier/modtier/gateway/policy"
	"github.com/modtier/modtier/tiers"
)

// missing answers for a file that cannot be had. If no upstream was asked, that
// it is absent holds for this request only: the next one may bring it.
func (g *Gateway) missing(w *response, r *http.Request, err error, asked bool) {
	code := statusOf(err)
	fwd := ""
	if asked && (code == http.StatusNotFound || code == http.StatusGone) {
		fwd = "; fwd-status=" + strconv.Itoa(code)
		w.Header()["Cache-Control"] = g.cacheControl("max-age=" + seconds(g.Times.Negative))
	}
	g.setAbsent(w, fwd)
	g.fail(w, r, err)
}

// setAbsent says that no tier has a file, and what became of it beyond them.
func (g *Gateway) setAbsent(w *response, fwd string) {
	w.Header().Set("Cache-Status", absentStatus(g.Caches, g.Stores, w.kind == "zip", fwd))
}

// fail answers with an error: absence is 404 or 410, what could not be asked is
// never that.
func (g *Gateway) fail(w *response, r *http.Request, err error) {
	w.servedBy = "none"
	if r.Context().Err() != nil {
		w.failure = "the client left"
		// It may have closed only its half of the connection, and would
		// take an empty response for an empty file.
		panic(http.ErrAbortHandler)
	}
	code := statusOf(err)
	if code >= 500 || code == http.StatusForbidden {
		w.failure = err.Error()
		if s := proxyStatus(err); s != "" {
			w.Header().Set("Proxy-Status", s)
		}
	}
	text := err.Error()
	if err == fs.ErrNotExist {
		text = "not found"
	}
	w.text(code, text)
}

// statusOf maps an error to an HTTP status. The go command goes on to the next
// proxy after 404 and 410 alone.
func statusOf(err error) int {
	var absent *tiers.AbsentError
	var upstream *tiers.UpstreamError
	var denied *policy.DeniedError
	var netErr net.Error
	switch {
	case errors.As(err, &absent):
		if absent.Gone {
			return http.StatusGone
		}
		return http.StatusNotFound
	case errors.Is(err, fs.ErrNotExist):
		return http.StatusNotFound
	case errors.Is(err, errors.ErrUnsupported):
		return http.StatusNotImplemented
	case errors.As(err, &denied):
		return http.StatusForbidden
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return http.StatusGatewayTimeout
	case errors.As(err, &upstream):
		// What the upstream forbids is forbidden: its text says why, and a
		// 502 would send a person looking for an outage.
		if upstream.Status == http.StatusForbidden || upstream.Status == http.StatusUnavailableForLegalReasons {
			return upstream.Status
		}
		return http.StatusBadGateway
	case errors.Is(err, tiers.ErrCorrupt), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, policy.ErrHook):
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}

// proxyStatus describes trouble with an upstream (RFC 9209), or returns "" if
// err is none.
func proxyStatus(err error) string {
	var upstream *tiers.UpstreamError
	if !errors.As(err, &upstream) {
		return ""
	}
	s := "modtier; next-hop=" + sfString(upstream.Upstream)
	if upstream.Status != 0 {
		return s + "; received-status=" + strconv.Itoa(upstream.Status)
	}
	return s + "; error=" + errorType(upstream)
}

// errorType names an error as RFC 9209 section 2.3 does.
func errorType(err *tiers.UpstreamError) string {
	var dns *net.DNSError
	var netErr net.Error
	var op *net.OpError
	timeout := errors.As(err, &netErr) && netErr.Timeout() || errors.Is(err, context.DeadlineExceeded)
	switch {
	case errors.As(err, &dns) && timeout:
		return "dns_timeout"
	case errors.As(err, &dns):
		return "dns_error"
	case errors.As(err, &op) && op.Op == "dial" && timeout:
		return "connection_timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection_refused"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, tiers.ErrCorrupt):
		return "http_response_incomplete"
	case timeout:
		return "http_response_timeout"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF):
		return "connection_terminated"
	case errors.As(err, &op) && op.Op == "dial":
		return "destination_ip_unroutable"
	}
	return "destination_unavailable"
}

// sfString writes s as a string of RFC 8941, of which only the printable ASCII
// can be.
func sfString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			continue
		}
		if c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}
