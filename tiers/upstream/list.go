// Package upstream asks the proxies of a GOPROXY list, as the go command does,
// for what the tiers lack.
//
// A [List] is a [tiers.Source] of immutable files, whose downloads survive a
// broken connection, and it answers the questions whose answers change: the
// versions of a module, its latest one, what a branch names, and what a
// checksum database says. It keeps none of these answers and it does not fetch
// from version control. Start reading at [Parse] and [List.Open].
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

	// Via names this gateway in the Via header of each request, so that one
	// that is its own upstream is found out; "" means that it has no name.
	Via string

	entries []*entry
	client  func() *http.Client
	netrc   func() (map[string]*url.Userinfo, error)

	mu    sync.Mutex // guards found
	found map[string]finding
}

const defaultTimeout, defaultStall = 60 * time.Second, 30 * time.Second

// Direct says whether direct is an entry of the list.
func (l *List) Direct() bool { return l.entries[len(l.entries)-1].word == direct }

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

// walk asks one entry after the other until one answers. An absence leads to
// the next one, any other error only over a pipe; of the errors, one that is
// no absence says most, as somebody could not be asked. It differs from what
// the go command does in that direct, which is not asked here, takes nothing
// away from what the entries before it said.
func walk(ctx context.Context, entries []*entry, ask func(*entry) error) error {
	var absent, lost error
	for _, e := range entries {
		switch {
		case e.word == "":
			err := ask(e)
			if err == nil {
				return nil
			}
			if errors.Is(err, fs.ErrNotExist) {
				absent = err
				continue
			}
			lost = err
			if !e.pipe || ctx.Err() != nil {
				return lost
			}
		case absent != nil || lost != nil:
			// Theirs says more.
		case e.word == off:
			absent = &tiers.AbsentError{Text: "module lookup disabled by GOPROXY=off"}
		case e.word == direct:
			lost = &tiers.UpstreamError{
				Upstream: direct,
				Err:      fmt.Errorf("fetching from version control: %w", errors.ErrUnsupported),
			}
		}
	}
	if lost != nil {
		return lost
	}
	return absent
}
