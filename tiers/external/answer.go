package external

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/modtier/modtier/tiers/internal/web"
)

// An answer is a response with status 200, of which the body is still to be
// read.
type answer struct {
	*http.Response
	watch *web.Watch
	stall time.Duration
	left  int64 // bytes that may still come
}

// ask sends req and waits for an answer. Other responses are errors: a 404 is
// fs.ErrNotExist itself, and nothing else matches that. Athens takes a 410 for
// an error like any other, so it is no absence.
func (c *Client) ask(req *http.Request, w *web.Watch) (*answer, error) {
	resp, err := c.http.Do(req.WithContext(w.Context))
	if err != nil {
		defer w.End()
		return nil, web.Scrub(web.Why(w.Context, err))
	}
	a := &answer{Response: resp, watch: w, stall: c.stall(), left: maxZip}
	if err := verdict(resp); err != nil {
		a.Close()
		return nil, err
	}
	w.Rest() // not before, as what goes with an error may not come either
	return a, nil
}

func verdict(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusOK:
		if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
			return fmt.Errorf("the answer is encoded as %q, which was not asked for", e)
		}
		return nil
	case http.StatusNotFound:
		web.Drain(resp.Body)
		return fs.ErrNotExist
	}
	return &StatusError{Status: resp.StatusCode, Text: web.Said(resp.Body)}
}

var errLong = errors.New("the answer is longer than such an answer may be")

// Read reads from the body, unless that brings nothing for too long.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.watch.Read(a.Body, p, a.stall)
	if a.left -= int64(n); a.left < 0 {
		return 0, fmt.Errorf("external: %w", errLong)
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("external: %w", err)
	}
	return n, err
}

// Close ends the answer, and the request with it if it is not read to its end.
func (a *answer) Close() error {
	err := a.Body.Close()
	a.watch.End()
	return err
}

// get asks for a path, and for at most limit bytes.
func (c *Client) get(ctx context.Context, path string, limit int64) (*answer, error) {
	req, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	a, err := c.ask(req, web.Over(ctx, c.timeout()))
	if err != nil {
		return nil, err
	}
	if a.left = limit; a.ContentLength > limit {
		a.Close()
		return nil, errLong
	}
	return a, nil
}

// getAll is get and the whole answer, within the timeout.
func (c *Client) getAll(ctx context.Context, path string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	a, err := c.get(ctx, path, limit)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	b, err := io.ReadAll(io.LimitReader(a.Body, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = errLong
	}
	return b, err
}
