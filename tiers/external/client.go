// Package external is a store behind HTTP, in the protocol by which Athens talks
// to a store of a site's own: [Client] speaks it, [Handler] serves it from any
// [tiers.Store].
//
// A module M and a version V are written as in GOPROXY paths, !-escaped:
//
//	GET    /M/@v/list       versions, one a line; none is an empty answer
//	GET    /M/@v/V.info     also .mod and .zip; 404 if it is not there
//	POST   /M/@v/V.save     multipart/form-data of mod.info, mod.mod and mod.zip
//	DELETE /M/@v/V.delete   404 if it is not there
//	GET    /catalog         ?token=&pagesize=, JSON; the servers of Athens lack it
//
// Success is 200 and nothing else.
//
// Start reading at [Client] and [Handler].
package external

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/internal/web"
)

// A Client is a [tiers.Store] on a server of the protocol. The server decides
// what is kept and how safely. Fill in the exported fields before first use.
//
// It holds whole versions only: Save without a zip answers [tiers.ErrWhole].
type Client struct {
	// URL is where the server is, http or https, with an optional path. The
	// user and password that it may have are sent as basic authentication,
	// over http too, as somebody wrote them there. Athens'
	// Storage.External.URL.
	URL string

	// HTTP sends the requests; nil is a client with connections of its own. It
	// should have no timeout, as zips may be long, and neither ask for
	// compression nor undo it, or sizes are unknown.
	HTTP *http.Client

	// Wrap makes the transport of the client into another, such as one that adds
	// headers; nil leaves it as it is.
	Wrap func(http.RoundTripper) http.RoundTripper

	// Timeout is how long an answer may take to begin, and one that is no file
	// to end. 0 is 30 seconds.
	Timeout time.Duration

	// Stall is how long a file may stand still, in either direction. 0 is a
	// minute.
	Stall time.Duration

	// Commit is how long the server may take to answer a save once it has all
	// of it: it may only then begin to store. 0 is ten minutes.
	Commit time.Duration

	once sync.Once // guards the setting of what follows
	http *http.Client
	base string // URL without credentials and without a slash at the end
	user *url.Userinfo
	err  error // why URL cannot be used
}

var _ tiers.Store = (*Client)(nil)

func (c *Client) timeout() time.Duration { return cmp.Or(c.Timeout, 30*time.Second) }
func (c *Client) stall() time.Duration   { return cmp.Or(c.Stall, time.Minute) }
func (c *Client) commit() time.Duration  { return cmp.Or(c.Commit, 10*time.Minute) }

// open makes what the exported fields mean, once.
func (c *Client) open() error {
	c.once.Do(func() {
		c.http = web.Wrapped(web.Client(c.HTTP, checkRedirect), c.Wrap)
		c.base, c.user, c.err = parseURL(c.URL)
	})
	return c.err
}

// parseURL takes a server's URL apart. Its errors do not quote s: what is wrong
// with it may be its password.
func parseURL(s string) (base string, user *url.Userinfo, err error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", nil, errors.New("the URL cannot be parsed")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", nil, errors.New("the URL does not begin with http:// or https://")
	case u.Host == "":
		return "", nil, errors.New("the URL names no host")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", nil, errors.New("the URL has more than a path behind its host")
	}
	return u.Scheme + "://" + u.Host + strings.TrimSuffix(u.EscapedPath(), "/"), u.User, nil
}

// request makes a request for a path below the server's URL.
func (c *Client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	if err := c.open(); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, web.Scrub(err)
	}
	req.Header.Set("User-Agent", "modtier")
	if c.user != nil {
		password, _ := c.user.Password()
		req.SetBasicAuth(c.user.Username(), password)
	}
	return req, nil
}

// modulePath returns the path of a module's directory.
func modulePath(path string) (string, error) {
	p, err := module.EscapePath(path)
	return "/" + p + "/@v/", err
}

// versionPath returns the path of a file or an action of v. Athens' client sends
// the version as it is, which Athens' server then refuses if it has upper case.
// Escaped, those are understood, and all others stay as they are.
func versionPath(v module.Version, ext string) (string, error) {
	p, err := modulePath(v.Path)
	if err != nil {
		return "", err
	}
	version, err := module.EscapeVersion(v.Version)
	return p + version + "." + ext, err
}
