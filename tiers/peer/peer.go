// Package peer lets the instances of a fleet read from each other what one of them
// is fetching: who finds a zip locked reads it from the lock's holder, as the holder
// gets it.
//
// A lock says by which URL its holder is reached. The request is
//
//	GET URL/.modtier/peer/M/@v/V.zip
//
// with M and V written as in GOPROXY paths, and answered from what the holder has or
// is fetching, never by asking on. Both sides prove that they know the fleet's
// secret: whoever can write to a lock service, or listens, gets and gives no file.
// The proof is of who answers, not of the bytes; against somebody in between there
// is https.
//
// [Client] asks, and [Gate] decides whom to answer; the answer itself is the
// gateway's.
package peer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/internal/web"
)

// Prefix is what the paths of the requests begin with. No module's does.
const Prefix = "/.modtier/peer/"

// maxZip is the largest file that is taken, in bytes: what an upstream may send.
const maxZip = 4 << 30

// A Client reads from other instances. Fill in the exported fields before first
// use.
type Client struct {
	URL    string        // by which others reach this instance, which is never asked
	Secret string        // which all share
	Stall  time.Duration // how long a body may stand still; 0 is a minute

	// Wrap makes the transport into another, such as one that adds headers; nil leaves
	// it as it is.
	Wrap func(http.RoundTripper) http.RoundTripper

	once sync.Once
	http *http.Client
}

// Open opens the file that r names at the instance that holder, a lock's, names.
// If that one neither has it nor is fetching it, the error matches fs.ErrNotExist,
// which is no absence but there. How long an answer may take is ctx's to say.
func (c *Client) Open(ctx context.Context, holder string, r tiers.Ref) (*tiers.Object, error) {
	o, err := c.open(ctx, holder, r)
	if err != nil {
		return nil, fmt.Errorf("peer: open %s at %s: %w", r, web.OneLine(shown(holder)), err)
	}
	return o, nil
}

func (c *Client) open(ctx context.Context, holder string, r tiers.Ref) (*tiers.Object, error) {
	base, err := parse(holder)
	if err != nil {
		return nil, err
	}
	if base == trimmed(c.URL) {
		return nil, fmt.Errorf("that is this instance itself, as it was before: %w", fs.ErrNotExist)
	}
	path, err := pathOf(r)
	if err != nil {
		return nil, err
	}
	w := web.Over(ctx, time.Minute)
	w.Rest() // ctx says how long
	resp, err := c.ask(w.Context, base, path)
	if err != nil {
		w.End()
		return nil, err
	}
	return &tiers.Object{
		Body: &body{Response: resp, watch: w, stall: cmp.Or(c.Stall, time.Minute), left: maxZip},
		Size: resp.ContentLength,
		Tier: "peer",
	}, nil
}

// ask sends a signed request, and returns an answer only if it is one.
func (c *Client) ask(ctx context.Context, base, path string) (*http.Response, error) {
	c.once.Do(func() {
		transport := web.Transport()
		transport.Proxy = nil // for a site's own, that is a detour
		c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a signature is good at one place only
		}}
		c.http = web.Wrapped(c.http, c.Wrap)
	})
	req, m, err := c.request(ctx, base, path)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, web.Scrub(web.Why(ctx, err))
	}
	if err := verdict(resp, c.Secret, m); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// request returns a signed request, and its signature.
func (c *Client) request(ctx context.Context, base, path string) (*http.Request, mac, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return nil, mac{}, err
	}
	now := time.Now().UnixNano()
	m := signRequest(c.Secret, req.Method, base, path, now)
	req.Header.Set("Authorization", authorization(now, m))
	req.Header.Set("User-Agent", "modtier")
	return req, m, nil
}

func verdict(resp *http.Response, secret string, request mac) error {
	proved := isProof(resp.Header, secret, request)
	switch {
	case resp.StatusCode == http.StatusOK && !proved:
		return errors.New("what answers does not know the secret (Tiers.Peers.Secret)")
	case resp.StatusCode == http.StatusOK && resp.ContentLength == 0:
		return errors.New("the answer is empty")
	case resp.StatusCode == http.StatusOK && resp.ContentLength > maxZip:
		return errLong
	case resp.StatusCode == http.StatusOK:
		return nil
	case resp.StatusCode == http.StatusNotFound && proved:
		return fmt.Errorf("it neither has it nor fetches it: %w", fs.ErrNotExist)
	}
	return fmt.Errorf("the answer is %d: %s", resp.StatusCode, web.Said(resp.Body))
}

// Close ends the connections that are idle.
func (c *Client) Close() error {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
	return nil
}

var errLong = errors.New("the answer is longer than a module's zip may be")

// A body is what another instance sends, as long as it does not stand still.
type body struct {
	*http.Response
	watch *web.Watch
	stall time.Duration
	left  int64 // bytes that may still come
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.watch.Read(b.Body, p, b.stall)
	if b.left -= int64(n); b.left < 0 {
		return 0, errLong
	}
	if err != nil && err != io.EOF {
		err = web.Scrub(err)
	}
	return n, err
}

func (b *body) Close() error {
	err := b.Body.Close()
	b.watch.End()
	return err
}

// parse returns the URL by which a holder is asked.
func parse(holder string) (string, error) {
	u, err := url.Parse(holder)
	switch {
	case err != nil:
		return "", errors.New("its URL cannot be parsed")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.User != nil, u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		return "", errors.New("it is no http or https URL of a host and a path")
	}
	return trimmed(holder), nil
}

// shown returns what of a holder may be shown: not what stands where a password may.
func shown(holder string) string {
	u, err := url.Parse(holder)
	if err != nil || len(holder) > 200 {
		return "a holder without a proper URL"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func trimmed(url string) string { return strings.TrimRight(url, "/") }

// pathOf returns the path of a request below the URL.
func pathOf(r tiers.Ref) (string, error) {
	p, err := module.EscapePath(r.Path)
	if err != nil {
		return "", err
	}
	v, err := module.EscapeVersion(r.Version)
	if err != nil {
		return "", err
	}
	return Prefix + p + "/@v/" + v + "." + r.Kind.String(), nil
}
