// Package upstream asks the proxies of a GOPROXY list, as the go command does,
// for what the tiers lack.
//
// A [List] is a [tiers.Source] of immutable files, whose downloads survive a
// broken connection, and it answers the questions whose answers change: the
// versions of a module, its latest one, what a branch names, and what a
// checksum database says. It keeps none of these answers, and it does not fetch
// from version control but asks who does. Start reading at [Parse] and [List.Open].
package upstream

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/modtier/modtier/tiers"
)

// A List is a parsed GOPROXY list. Set the exported fields before first use;
// after that it may be used by several goroutines at once.
type List struct {
	// Client sends the requests; nil means one with a connection pool of its
	// own. It should have no timeout, as bodies may be long: that is Timeout
	// and Stall. If its CheckRedirect is nil, redirects are followed, but not
	// from https to http, and without credentials to other hosts.
	Client *http.Client

	// Wrap makes the transport of the client into another, such as one that adds
	// headers; nil leaves it as it is.
	Wrap func(http.RoundTripper) http.RoundTripper

	// Netrc is the path of the netrc file. "" means $NETRC, else .netrc in
	// the home directory (on Windows _netrc if that exists). It is read once,
	// at the first request over https that needs it.
	Netrc string

	// SumDBs are the checksum databases that SumDB answers for, each as in
	// $GOSUMDB, "name", "name+hash+key" or "name+hash+key url", or a bare
	// base URL. None means that there is none.
	SumDBs []string

	// Timeout bounds the wait for the head of each response, and that for
	// the whole of a small answer; zero means 60 seconds.
	Timeout time.Duration

	// Stall is how long a body may bring no byte while one is awaited. Then
	// the download is broken off and resumed. Zero means 30 seconds.
	Stall time.Duration

	// OnResume is called each time that a broken download goes on, by the
	// goroutine that reads it; nil means that nobody wants to know.
	OnResume func()

	// Direct fetches from version control what the word direct in the list stands
	// for. Nil is nobody: then direct answers that it cannot.
	Direct Fetcher

	// Private tells the modules that Direct alone is asked for, whatever the list
	// says: their names are nobody else's business. Nil is none.
	Private func(path string) bool

	// Via names this gateway in the Via header of each request, so that one
	// that is its own upstream is found out; "" means that it has no name.
	Via string

	entries []*entry
	client  func() *http.Client
	netrc   func() (map[string]*url.Userinfo, error)

	mu    sync.Mutex // guards found
	found map[string]finding
}

// A Fetcher has what an upstream has, from elsewhere. Its errors are as a List's.
type Fetcher interface {
	tiers.Source
	Versions(ctx context.Context, path string) ([]string, error)
	Latest(ctx context.Context, path string) ([]byte, error)
	Query(ctx context.Context, path, query string) ([]byte, error)
}

const defaultTimeout, defaultStall = 60 * time.Second, 30 * time.Second

// HasDirect says whether direct is an entry of the list.
func (l *List) HasDirect() bool { return l.entries[len(l.entries)-1].word == direct }

// String returns the list for a log line: without credentials.
func (l *List) String() string {
	var s string
	for i, e := range l.entries {
		s += e.String()
		if i == len(l.entries)-1 {
			break
		}
		if e.pipe {
			s += "|"
		} else {
			s += ","
		}
	}
	return s
}

// walk asks one entry after the other for something of the module of that path, until
// one answers; of direct it asks fetch. An absence leads to the next one, any other
// error only over a pipe; of the errors, one that is no absence says most, as
// somebody could not be asked.
func (l *List) walk(ctx context.Context, path string, ask func(*entry) error, fetch func(Fetcher) error) error {
	if l.Direct != nil && l.Private != nil && l.Private(path) {
		return fetch(l.Direct)
	}
	return walk(ctx, l.entries, ask, func() error {
		if l.Direct == nil {
			return errNoDirect
		}
		return fetch(l.Direct)
	})
}

// errNoDirect takes nothing away from what the entries before direct said: it could
// not be asked, and never can.
var errNoDirect = &tiers.UpstreamError{
	Upstream: direct,
	Err:      fmt.Errorf("fetching from version control: %w", errors.ErrUnsupported),
}

func walk(ctx context.Context, entries []*entry, ask func(*entry) error, fetch func() error) error {
	var absent, lost error
	for _, e := range entries {
		var err error
		switch e.word {
		case "":
			err = ask(e)
		case off:
			err = &tiers.AbsentError{Text: "module lookup disabled by GOPROXY=off"}
			if absent != nil || lost != nil {
				continue // theirs says more
			}
		case direct:
			if err = fetch(); err == errNoDirect && (absent != nil || lost != nil) {
				continue
			}
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrNotExist):
			absent = err
			continue
		}
		lost = err
		if !e.pipe || ctx.Err() != nil {
			return lost
		}
	}
	if lost != nil {
		return lost
	}
	return absent
}
