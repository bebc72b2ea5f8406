package external

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"
)

// A watch breaks off a request that stands still.
type watch struct {
	ctx    context.Context // of the request; its cause says why it was broken off
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

// watchOver starts a watch that gives a request d.
func watchOver(ctx context.Context, d time.Duration) *watch {
	w := new(watch)
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(d, func() {
		w.cancel(fmt.Errorf("the server stood still for too long: %w", os.ErrDeadlineExceeded))
	})
	return w
}

// give gives the request d from now on.
func (w *watch) give(d time.Duration) { w.timer.Reset(d) }

// rest watches no more until the next give.
func (w *watch) rest() { w.timer.Stop() }

func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// why returns what broke the request off, or else err.
func (w *watch) why(err error) error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	return err
}

// An answer is a response with status 200, of which the body is still to be
// read.
type answer struct {
	*http.Response
	watch *watch
	stall time.Duration
	left  int64 // bytes that may still come
}

// ask sends req and waits for an answer. Other responses are errors: a 404 is
// fs.ErrNotExist itself, and nothing else matches that. Athens takes a 410 for
// an error like any other, so it is no absence.
func (c *Client) ask(req *http.Request, w *watch) (*answer, error) {
	resp, err := c.http.Do(req.WithContext(w.ctx))
	if err != nil {
		err = scrub(w.why(err))
		w.end()
		return nil, err
	}
	w.rest()
	a := &answer{Response: resp, watch: w, stall: c.stall(), left: maxZip}
	if err := verdict(resp); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

const (
	maxText  = 1 << 10  // of what a server says with an error, the part that is kept
	maxDrain = 16 << 10 // the rest that is read to keep the connection
)

func verdict(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusOK:
		if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
			return fmt.Errorf("the answer is encoded as %q, which was not asked for", e)
		}
		return nil
	case http.StatusNotFound:
		io.CopyN(io.Discard, resp.Body, maxDrain)
		return fs.ErrNotExist
	}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxText))
	io.CopyN(io.Discard, resp.Body, maxDrain)
	return &StatusError{Status: resp.StatusCode, Text: clean(b)}
}

var errLong = errors.New("the answer is longer than such an answer may be")

// Read reads from the body, unless that brings nothing for too long.
func (a *answer) Read(p []byte) (int, error) {
	a.watch.give(a.stall)
	n, err := a.Body.Read(p)
	a.watch.rest()
	if a.left -= int64(n); a.left < 0 {
		return 0, fmt.Errorf("external: %w", errLong)
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("external: %w", a.watch.why(err))
	}
	return n, err
}

// Close ends the answer, and the request with it if it is not read to its end.
func (a *answer) Close() error {
	err := a.Body.Close()
	a.watch.end()
	return err
}

// get asks for a path, and for at most limit bytes.
func (c *Client) get(ctx context.Context, path string, limit int64) (*answer, error) {
	req, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	a, err := c.ask(req, watchOver(ctx, c.timeout()))
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
