package upstream

import (
	"cmp"
	"context"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/internal/web"
)

// An answer is the response to one request. It can be broken off by itself:
// by its watch, by the end of the context it was asked with, or by close.
type answer struct {
	*http.Response
	watch  *web.Watch
	stall  time.Duration
	unhook func() bool
}

// ask sends one request and waits for the head of the response. The watch runs
// on when it returns. A passing error may be gone when asked again.
func (l *List) ask(ctx context.Context, e *entry, path string, header http.Header) (*answer, error) {
	req := e.request(path)
	if err := l.authorize(req, e); err != nil {
		return nil, &tiers.UpstreamError{Upstream: e.name(), Err: web.Scrub(err)}
	}
	req.Header.Set("User-Agent", "modtier")
	if via := l.via(ctx); via != "" {
		req.Header.Set("Via", via)
	}
	for k, v := range header {
		req.Header[k] = v
	}

	w := web.Over(ctx, cmp.Or(l.Timeout, defaultTimeout))
	resp, err := l.client().Do(req.WithContext(w.Context))
	if err != nil {
		defer w.End()
		return nil, broken(e, w, err)
	}
	a := &answer{Response: resp, watch: w, stall: cmp.Or(l.Stall, defaultStall)}
	// Closed from here, a body can be given up while somebody reads it. Not
	// closed at all, what it had not read would count against the HTTP/2
	// connection for good.
	a.unhook = context.AfterFunc(w.Context, func() { resp.Body.Close() })
	return a, nil
}

func (l *List) via(ctx context.Context) string {
	chain := tiers.Via(ctx)
	switch {
	case l.Via == "":
		return chain
	case chain == "":
		return "1.1 " + l.Via
	}
	return chain + ", 1.1 " + l.Via
}

// broken returns the error of a request that got no answer, or half of one.
func broken(e *entry, w *web.Watch, err error) error {
	_, refused := errors.AsType[web.RedirectError](err)
	final := refused || w.Context.Err() != nil
	err = &tiers.UpstreamError{Upstream: e.name(), Err: web.Scrub(web.Why(w.Context, err))}
	if final {
		return err
	}
	return passing{error: err}
}

// Read reads from the body, unless that brings nothing for too long.
func (a *answer) Read(p []byte) (int, error) { return a.watch.Read(a.Body, p, a.stall) }

func (a *answer) close() {
	a.watch.Rest()
	a.unhook()
	a.Body.Close()
	a.watch.End()
}

// verdict returns nil if a brings what was asked for, and else closes it and
// returns what that means.
func (a *answer) verdict(e *entry) error {
	if a.StatusCode == http.StatusOK {
		return nil
	}
	defer a.close()
	text := web.Said(a.Body)
	if !isText(a.Header.Get("Content-Type")) {
		text = ""
	}
	err := &tiers.UpstreamError{Upstream: e.name(), Status: a.StatusCode, Text: text}
	switch a.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return &tiers.AbsentError{Gone: a.StatusCode == http.StatusGone, Text: text}
	case http.StatusLoopDetected:
		err.Text = strings.TrimSuffix("this gateway is its own upstream: "+text, ": ")
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return passing{error: err, after: retryAfter(a.Header)}
	}
	return err
}

// isText says whether a body of this type is meant to be read by people, as it is.
func isText(contentType string) bool {
	t, params, err := mime.ParseMediaType(contentType)
	if err != nil || t != "text/plain" {
		return false
	}
	switch strings.ToLower(params["charset"]) {
	case "", "utf-8", "us-ascii":
		return true
	}
	return false
}

// retryAfter reads the header of that name (RFC 9110, section 10.2.3).
func retryAfter(h http.Header) time.Duration {
	s := h.Get("Retry-After")
	if n, err := strconv.Atoi(s); err == nil {
		return time.Duration(min(max(n, 0), 3600)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(time.Until(t), 0)
	}
	return 0
}
