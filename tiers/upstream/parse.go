package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/modtier/modtier/tiers/internal/web"
)

// The words of a GOPROXY list that are no URLs. Each ends the list.
const off, direct = "off", "direct"

// An entry is one proxy of a list, one of the words, or a checksum database.
type entry struct {
	word string        // off or direct, or "" if there is a URL
	url  *url.URL      // without credentials
	user *url.Userinfo // nil if the netrc file is to be asked
	pipe bool          // any error leads to the next entry, not only absence
}

// Parse reads a GOPROXY list as the go command does
// (https://go.dev/ref/mod#environment-variables). No error that it returns
// tells credentials.
func Parse(goproxy string) (*List, error) {
	l := &List{found: make(map[string]finding)}
	l.client = sync.OnceValue(func() *http.Client { return web.Wrapped(web.Client(l.Client, web.CheckRedirect), l.Wrap) })
	l.netrc = sync.OnceValues(l.readNetrc)
	for rest := goproxy; rest != ""; {
		s, pipe := rest, false
		if i := strings.IndexAny(rest, ",|"); i >= 0 {
			s, pipe, rest = rest[:i], rest[i] == '|', rest[i+1:]
		} else {
			rest = ""
		}
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		if s == off || s == direct {
			l.entries = append(l.entries, &entry{word: s})
			break
		}
		e, err := parseEntry(s)
		if err != nil {
			return nil, fmt.Errorf("GOPROXY entry %s: %w", redact(s), err)
		}
		e.pipe = pipe
		l.entries = append(l.entries, e)
	}
	if len(l.entries) == 0 {
		return nil, errors.New("GOPROXY list has no entries")
	}
	return l, nil
}

func parseEntry(s string) (*entry, error) {
	// A single word is reserved, a path is an error: neither is a host.
	if strings.ContainsAny(s, ".:/") && !strings.Contains(s, ":/") && !filepath.IsAbs(s) && !path.IsAbs(s) {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		// What is wrong is not quoted: it may be part of a password.
		return nil, errors.New("not a URL")
	}
	switch u.Scheme {
	case "http", "https":
		if u.Hostname() == "" {
			return nil, errors.New("the URL has no host")
		}
	case "file":
		if *u != (url.URL{Scheme: u.Scheme, Path: u.Path, RawPath: u.RawPath}) {
			return nil, errors.New("a file URL has a path and nothing else")
		}
	case "":
		return nil, errors.New("the URL has no scheme")
	default:
		return nil, errors.New("the scheme must be https, http or file")
	}
	e := &entry{url: u, user: u.User}
	u.User = nil
	return e, nil
}

// String returns e without credentials, among which it counts a query.
func (e *entry) String() string {
	if e.word != "" {
		return e.word
	}
	u := *e.url
	u.RawQuery, u.Fragment, u.RawFragment = "", "", ""
	return u.String()
}

// name returns what a [tiers.UpstreamError] calls e.
func (e *entry) name() string {
	if e.isFile() {
		return e.url.Path
	}
	return e.url.Host
}

func (e *entry) isFile() bool { return e.url.Scheme == "file" }

// request returns a GET of the file at path, which is not URL-encoded, below e.
func (e *entry) request(path string) *http.Request {
	u := *e.url
	if u.RawPath != "" {
		// The base is encoded in a way of its own. Keep that.
		u.RawPath = strings.TrimSuffix(u.RawPath, "/") + "/" + (&url.URL{Path: path}).EscapedPath()
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/" + path
	return &http.Request{Method: http.MethodGet, URL: &u, Host: u.Host, Header: make(http.Header)}
}
