package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/modtier/modtier/tiers"
)

// An answer is the response to one request. It can be broken off by itself:
// by its watch, by the end of the context it was asked with, or by close.
type answer struct {
	*http.Response
	ctx    context.Context // of this request; its cause says why it was broken off
	cancel context.CancelCauseFunc
	watch  *time.Timer // breaks the answer off
	stall  time.Duration
	unhook func() bool
}

// ask sends one request and waits for the head of the response. The watch runs
// on when it returns. A passing error may be gone when asked again.
func (l *List) ask(ctx context.Context, e *entry, path string, header http.Header) (*answer, error) {
	req := e.request(path)
	if err := l.authorize(req, e); err != nil {
		return nil, &tiers.UpstreamError{Upstream: e.name(), Err: scrub(err)}
	}
	req.Header.Set("User-Agent", "modtier")
	if via := l.via(ctx); via != "" {
		req.Header.Set("Via", via)
	}
	for k, v := range header {
		req.Header[k] = v
	}

	a := &answer{stall: cmp.Or(l.Stall, defaultStall)}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	a.watch = a.breakAfter(cmp.Or(l.Timeout, defaultTimeout), "no answer")
	resp, err := l.client().Do(req.WithContext(a.ctx))
	if err != nil {
		refused := errors.As(err, new(redirectError))
		final := refused || a.ctx.Err() != nil
		err = &tiers.UpstreamError{Upstream: e.name(), Err: scrub(a.why(err))}
		a.watch.Stop()
		a.cancel(nil)
		if final {
			return nil, err
		}
		return nil, passing{error: err}
	}
	a.Response = resp
	// Closed from here, a body can be given up while somebody reads it. Not
	// closed at all, what it had not read would count against the HTTP/2
	// connection for good.
	a.unhook = context.AfterFunc(a.ctx, func() { resp.Body.Close() })
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

func (a *answer) breakAfter(d time.Duration, what string) *time.Timer {
	return time.AfterFunc(d, func() {
		a.cancel(fmt.Errorf("%s for %v: %w", what, d, os.ErrDeadlineExceeded))
	})
}

// why returns what broke the answer off, or else err.
func (a *answer) why(err error) error {
	if a.ctx.Err() != nil {
		return context.Cause(a.ctx)
	}
	return err
}

// patient makes the watch one for a body that may be long: from now on it runs
// only during a Read.
func (a *answer) patient() {
	a.watch.Stop()
	a.watch = a.breakAfter(a.stall, "no byte")
	a.watch.Stop()
}

// Read reads from the body, unless that brings nothing for too long.
func (a *answer) Read(p []byte) (int, error) {
	a.watch.Reset(a.stall)
	n, err := a.Body.Read(p)
	a.watch.Stop()
	if err != nil && err != io.EOF {
		err = a.why(err)
	}
	return n, err
}

func (a *answer) close() {
	a.watch.Stop()
	a.unhook()
	a.Body.Close()
	a.cancel(nil)
}

const (
	maxText  = 1 << 10  // of what an upstream says, the part that is passed on
	maxDrain = 16 << 10 // the rest that is read to keep the connection
)

// verdict returns nil if a brings what was asked for, and else closes it and
// returns what that means.
func (a *answer) verdict(e *entry) error {
	if a.StatusCode == http.StatusOK {
		return nil
	}
	defer a.close()
	b, _ := io.ReadAll(io.LimitReader(a.Body, maxText))
	io.CopyN(io.Discard, a.Body, maxDrain)
	var text string
	if isText(a.Header.Get("Content-Type")) {
		text = clean(b)
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
