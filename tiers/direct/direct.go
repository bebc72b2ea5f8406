// Package direct fetches modules from version control, through the go command:
// what the word direct means in a GOPROXY list.
//
// A [Fetcher] keeps the objects of the repositories that it saw and none of their
// names: a tag or a branch is always asked for again, and only what is new is
// sent. Each command runs in a directory and an environment of its own, which it
// takes with it when it ends. Start reading at [Fetcher.Open].
package direct

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/modtier/modtier/tiers"
)

// A Fetcher runs the go command for what is asked of it. Fill in the exported
// fields before first use; after that it may be used by several goroutines at
// once. Its errors that are no absence are [*tiers.UpstreamError].
type Fetcher struct {
	// Go is the go command, a name to look up or a path; "" is "go". It is
	// never replaced by another toolchain, whatever a module asks for.
	// Athens' GoBinary.
	Go string

	// Env are NAME=VALUE pairs for the go command and what it starts, beside
	// the few that it is given anyway. What makes a fetch direct, unverified
	// and confined (GOPROXY, GOSUMDB, GOTOOLCHAIN, HOME and so on) is not
	// taken from here. Athens' GoBinaryEnvVars.
	Env []string

	// Dir is where repositories are kept, below a directory of our own, which
	// is made if it is missing; "" is the system's directory for temporary
	// files, where Close leaves nothing. Several processes may share it: each
	// keeps its own. Athens' GoGetDir.
	Dir string

	// Size bounds the repositories kept, in bytes: those that were not used
	// for the longest time go. What a running command fetches comes on top.
	// 0 is 10 GiB, less than 0 keeps none.
	Size int64

	// Workers is how many commands run at once; 0 is 10. Athens' GoGetWorkers.
	Workers int

	// Timeout bounds one fetch or question, the wait for a worker included; 0
	// is ten minutes. Athens' StashTimeout.
	Timeout time.Duration

	// Netrc is the path of a netrc file for git, hg and go; "" means what they
	// would find: $NETRC, else .netrc in the home directory. It is read for
	// each command. Athens' NETRCPath.
	Netrc string

	// GithubToken is sent to github.com over https, before what Netrc has for
	// it; "" is none. Athens' GithubToken.
	GithubToken string

	// HGRC is the path of Mercurial's configuration; "" is .hgrc in the home
	// directory, if it exists. Athens' HGRCPath.
	HGRC string

	// Log is told of repositories that could not be kept; nil discards that.
	Log *slog.Logger

	once sync.Once // guards the setting of what follows
	err  error     // why nothing can be fetched
	log  *slog.Logger
	place
	workers chan struct{}
	life    context.Context // of all commands: Close ends it
	end     context.CancelCauseFunc
	shelf   *shelf
	results results
	fetches flights[*files]
	answers flights[[]byte]

	mu     sync.Mutex // guards closed
	closed bool
	work   sync.WaitGroup // what Close waits for
}

var _ tiers.Source = (*Fetcher)(nil)

var errClosed = errors.New("closed")

func (f *Fetcher) size() int64            { return cmp.Or(f.Size, 10<<30) }
func (f *Fetcher) timeout() time.Duration { return cmp.Or(f.Timeout, 10*time.Minute) }
func (f *Fetcher) goBinary() string       { return cmp.Or(f.Go, "go") }

// open makes what the exported fields mean, once.
func (f *Fetcher) open() error {
	f.once.Do(func() {
		if f.log = f.Log; f.log == nil {
			f.log = slog.New(slog.DiscardHandler)
		}
		f.life, f.end = context.WithCancelCause(context.Background())
		f.workers = make(chan struct{}, cmp.Or(f.Workers, 10))
		if f.place, f.err = takePlace(f.Dir); f.err != nil {
			return
		}
		f.shelf = openShelf(filepath.Join(f.place.dir, "clones"), f.size(), f.log)
	})
	return f.err
}

// start runs work, unless f is closed.
func (f *Fetcher) start(work func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return errClosed
	}
	f.work.Go(work)
	return nil
}

// Close ends all commands, and with them what waits for them. It leaves the
// repositories in Dir, for the next one to use, and nothing else.
func (f *Fetcher) Close() error {
	f.once.Do(func() { f.err = errClosed })
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	if f.end == nil {
		return nil
	}
	f.end(errClosed)
	f.work.Wait()
	f.results.clear()
	return f.place.leave()
}
