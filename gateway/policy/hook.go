package policy

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/mod/module"
	"golang.org/x/sync/singleflight"
)

// ErrHook says that the hook was asked and did not say whether a version may be
// served. Nothing is then.
var ErrHook = errors.New("the validator (ValidatorHook) cannot be asked, and nothing is served without it")

// A DeniedError says that the hook does not let a version be served.
type DeniedError struct {
	Version module.Version
	Reason  string // as the hook gives it, one line; may be empty
}

func (e *DeniedError) Error() string {
	s := e.Version.String() + " is refused by the validator (ValidatorHook)"
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

// A Hook asks a server whether a version may be served, as Athens' ValidatorHook:
// POST {"Module","Version"}, 200 is yes, 403 is no, and all else is no answer.
// Athens asks before each request and waits for ever; here a yes or a no holds for a
// while, and equal questions are asked once. Fill in the exported fields before
// first use.
type Hook struct {
	// URL may have a user and a password, which are sent. No error shows it.
	URL string

	// Timeout is how long the server may take; 0 is 5 seconds.
	Timeout time.Duration

	// Fresh is how long an answer holds; 0 is a minute.
	Fresh time.Duration

	// Client sends the requests; nil is one with connections of its own. It
	// follows no redirect, or a page for people might say yes.
	Client *http.Client

	once   sync.Once // guards the setting of what follows
	client http.Client
	group  singleflight.Group

	mu    sync.Mutex // guards all below
	known *simplelru.LRU[module.Version, verdict]
}

// A verdict is what the server said, and when.
type verdict struct {
	denied *DeniedError // nil is yes
	at     time.Time
}

// maxVerdicts is how many verdicts are remembered.
const maxVerdicts = 16 << 10

// maxReason is how much of a reason is read, in bytes.
const maxReason = 512

func (h *Hook) init() {
	h.once.Do(func() {
		if h.Client != nil {
			h.client = *h.Client
		} else {
			t := http.DefaultTransport.(*http.Transport).Clone()
			t.MaxConnsPerHost, t.MaxIdleConnsPerHost = 64, 64
			h.client.Transport = t
		}
		h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		h.known, _ = simplelru.NewLRU[module.Version, verdict](maxVerdicts, nil) // fails only for 0
	})
}

// Close closes connections that nobody uses.
func (h *Hook) Close() {
	h.init()
	h.client.CloseIdleConnections()
}

// Ask returns nil if v may be served, and a [*DeniedError] if not. If that is not
// known, the error matches [ErrHook]. All texts are fit for clients.
func (h *Hook) Ask(ctx context.Context, v module.Version) error {
	h.init()
	if said, ok := h.recall(v); ok {
		return said.err()
	}
	asked := h.group.DoChan(v.Path+"@"+v.Version, func() (any, error) {
		if said, ok := h.recall(v); ok {
			return said, nil // of who asked a moment ago
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.timeout())
		defer cancel()
		said, err := h.ask(ctx, v)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrHook, err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.known.Add(v, said)
		return said, nil
	})
	select {
	case res := <-asked:
		if res.Err != nil {
			return res.Err
		}
		return res.Val.(verdict).err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (h *Hook) timeout() time.Duration { return cmp.Or(h.Timeout, 5*time.Second) }

func (v verdict) err() error {
	if v.denied == nil {
		return nil
	}
	return v.denied
}

// recall returns what was said of v, if that still holds.
func (h *Hook) recall(v module.Version) (verdict, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	said, ok := h.known.Get(v)
	return said, ok && time.Since(said.at) < cmp.Or(h.Fresh, time.Minute)
}

// ask puts the question to the server.
func (h *Hook) ask(ctx context.Context, v module.Version) (verdict, error) {
	question, err := json.Marshal(struct{ Module, Version string }{v.Path, v.Version})
	if err != nil {
		return verdict{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(question))
	if err != nil {
		return verdict{}, errors.New("its URL is none")
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := h.client.Do(req)
	if err != nil {
		return verdict{}, h.withoutURL(err)
	}
	defer resp.Body.Close()
	said := verdict{at: time.Now()}
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusForbidden:
		said.denied = &DeniedError{Version: v, Reason: reason(resp)}
	default:
		return verdict{}, fmt.Errorf("it answered %d", resp.StatusCode)
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can be used again
	return said, nil
}

// withoutURL says why there is no answer, without saying where it was asked for.
func (h *Hook) withoutURL(err error) error {
	var netErr net.Error
	var urlErr *url.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout() {
		return lateError(h.timeout())
	}
	var op *net.OpError
	if errors.As(err, &urlErr) && errors.As(err, &op) && op.Op == "dial" {
		return errors.New("nobody answers there")
	}
	return errors.New("the connection broke or is not to be trusted")
}

// A lateError is a [context.DeadlineExceeded] in words.
type lateError time.Duration

func (e lateError) Error() string {
	return "it did not answer within " + time.Duration(e).String()
}

func (e lateError) Is(target error) bool { return target == context.DeadlineExceeded }

// reason returns what a refusal says to people: a page of HTML is for a browser.
func reason(resp *http.Response) string {
	if t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); t != "text/plain" {
		return ""
	}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxReason)) // what came of it will do
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, line)
}
