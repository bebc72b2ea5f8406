package tiers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
)

// An asking is one lookup: what [sumdb.Client] needs of the world. A Client
// remembers all records, tiles and errors that it has seen until it is dropped,
// and has no context; so one lives no longer than its lookup, and what is
// worth it lies in notes.
type asking struct {
	*Sums
	ctx  context.Context // of the one lookup
	anew bool            // nothing kept is to be used
	used atomic.Bool     // something kept was used

	mu  sync.Mutex // guards err: the Client reads tiles at the same time
	err error      // that the database could not be asked, or does not know the version
}

// prove returns the proved lines of v.
func (a *asking) prove(v module.Version) ([]string, error) {
	c := sumdb.NewClient(a)
	lines, err := c.Lookup(v.Path, v.Version)
	if err == nil {
		var more []string
		more, err = c.Lookup(v.Path, v.Version+"/go.mod") // reads the same record
		lines = append(lines, more...)
	}
	if err == nil {
		return lines, nil
	}
	// The Client renders an error as text only.
	if failure := a.failure(); failure != nil {
		return nil, failure
	}
	return nil, err
}

func (a *asking) failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// ReadRemote asks the database.
func (a *asking) ReadRemote(path string) ([]byte, error) {
	path = strings.TrimPrefix(path, "/")
	b, err := a.fetch(a.ctx, path)
	if err == nil {
		return b, nil
	}
	lookup := strings.HasPrefix(path, "lookup/")
	absent := errors.Is(err, fs.ErrNotExist)
	switch {
	case lookup && absent:
		err = fmt.Errorf("%w: %v", ErrUnknown, err)
	case absent:
		// A tile that is full by now is no more there in part: the Client
		// asks for all of it next. If that fails too, the answer is not proved,
		// and the version as little unknown.
		return nil, fmt.Errorf("%s: %v", path, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
	return nil, err
}

// ReadConfig returns the key, or the head of the newest log seen.
func (a *asking) ReadConfig(file string) ([]byte, error) {
	if file == "key" {
		return []byte(a.key), nil
	}
	a.Sums.mu.Lock()
	defer a.Sums.mu.Unlock()
	return a.latest, nil
}

// WriteConfig replaces the head of the log. Two that do so at once may leave the
// older one on disk, which is as good: the log has grown from there.
func (a *asking) WriteConfig(_ string, old, new []byte) error {
	a.Sums.mu.Lock()
	if !bytes.Equal(old, a.latest) {
		a.Sums.mu.Unlock()
		return sumdb.ErrWriteConflict
	}
	a.latest = new
	a.Sums.mu.Unlock()
	a.writeNote("latest", new)
	return nil
}

// ReadCache returns a record or a tile that was proved before.
func (a *asking) ReadCache(file string) ([]byte, error) {
	if a.anew {
		return nil, fs.ErrNotExist
	}
	b, err := a.readNote(strings.TrimPrefix(file, a.name+"/"))
	if err == nil {
		a.used.Store(true)
	}
	return b, err
}

// WriteCache keeps a record or a tile that is proved.
func (a *asking) WriteCache(file string, b []byte) {
	a.writeNote(strings.TrimPrefix(file, a.name+"/"), b)
}

// Log is told what has no consequence.
func (a *asking) Log(msg string) { a.log.Debug("checksum database", "database", a.name, "said", msg) }

// SecurityError is told the proof that the database has signed two logs, of
// which neither contains the other.
func (a *asking) SecurityError(msg string) {
	a.Sums.mu.Lock()
	first := !a.dishonest
	a.dishonest = true
	a.Sums.mu.Unlock()
	if first {
		a.log.Error("the checksum database contradicts itself: nothing is verified any more", "database", a.name, "proof", msg)
	}
}
