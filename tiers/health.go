package tiers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/mod/module"
)

// ErrDown is what a store that is down answers at once.
var ErrDown = errors.New("the store is down")

// A State says how a store is.
type State uint8

// The states of a store.
const (
	OK       State = iota
	Unstable       // it failed a short time ago, and is asked all the same
	Down           // it is not asked until a probe finds it well
)

// String returns "ok", "unstable" or "down".
func (s State) String() string {
	switch s {
	case OK:
		return "ok"
	case Unstable:
		return "unstable"
	}
	return "down"
}

// A Health is a Store that is skipped while it does not answer, so that a sick
// store costs time once and not in each request.
//
// A store gets unstable when it fails, and down when it fails three times in a
// row. It fails if an Open, or a list that its caller gives up, takes longer than
// Timeout, a read from a body longer than 30 seconds, or anything ends in an error that is the store's own: not
// absence, not what the store cannot do or does not take, and nothing once the
// caller's context is done. While it is down everything is answered with an error
// that matches ErrDown, and a probe asks for a file that nobody has; when that is
// answered, the store is ok. An unstable one is ok when it succeeds and has not
// failed for the time of a Probe.
//
// An Open has succeeded when its body was read: a store may know what it has and
// not be able to send it. Bodies go through a watch here, so this is for stores
// that are filled from, not for a tier that is served from.
type Health struct {
	Store   Store
	Name    string        // of the store, for errors and the log
	Timeout time.Duration // how long Open may take to return; 0 is 5 seconds
	Probe   time.Duration // pause between probes while it is down; 0 is 10 seconds
	Changed func(State)   // called on each change, one call at a time; must not call Close; may be nil
	Log     *slog.Logger  // nil is slog.Default

	once    sync.Once
	stop    chan struct{} // closed by Close
	probing sync.WaitGroup

	mu      sync.Mutex // guards all below
	state   State
	since   time.Time // when it came to be so; zero if it always was
	last    error     // the last failure
	failed  time.Time // when that was
	row     int       // failures in a row
	hung    int       // Opens that were given up and have not returned
	closed  bool
	up      context.Context // of the saves; nil if none has begun since the store came back
	giveUp  context.CancelFunc
	hope    *time.Timer // while the store is down: then giveUp
	news    []change    // not yet told
	telling bool        // somebody is telling them
}

type change struct {
	state State
	why   error
}

const (
	maxRow  = 3  // failures in a row that take a store down
	maxHung = 16 // Opens that hang, with which no probe brings it back
)

func (h *Health) init() { h.once.Do(func() { h.stop = make(chan struct{}) }) }

func (h *Health) timeout() time.Duration { return cmp.Or(h.Timeout, 5*time.Second) }
func (h *Health) pause() time.Duration   { return cmp.Or(h.Probe, 10*time.Second) }

// State returns how the store is and, unless it is ok, the last failure.
func (h *Health) State() (State, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state == OK {
		return OK, nil
	}
	return h.state, h.last
}

// Close ends the probing: a store that is down stays so.
func (h *Health) Close() {
	h.init()
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.stop)
	}
	h.mu.Unlock()
	h.probing.Wait()
}

// down returns an error if the store is down.
func (h *Health) down() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state != Down {
		return nil
	}
	return h.isDown()
}

// isDown is the error of a store that is down. The caller holds mu.
func (h *Health) isDown() error { return fmt.Errorf("%s: %w: %v", h.Name, ErrDown, h.last) }

// Save stores the files of v. How long that may take is the store's to know, until it
// has been down for 30 seconds: a save that hangs holds up those into other stores.
func (h *Health) Save(ctx context.Context, v module.Version, f Files) error {
	up, err := h.untilGone()
	if err != nil {
		return err
	}
	saving, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(up, cancel)()
	err = h.Store.Save(saving, v, f)
	if err != nil && up.Err() != nil {
		return fmt.Errorf("%s: save %s: %w", h.Name, v, ErrDown)
	}
	return h.judge(ctx, err)
}

// untilGone returns an error if the store is down, and else a context that ends when
// it has been down for a stall.
func (h *Health) untilGone() (context.Context, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state == Down {
		return nil, h.isDown()
	}
	if h.up == nil {
		h.up, h.giveUp = context.WithCancel(context.Background())
	}
	return h.up, nil
}

// Versions lists the whole versions of path.
func (h *Health) Versions(ctx context.Context, path string) ([]string, error) {
	if err := h.down(); err != nil {
		return nil, err
	}
	start := time.Now()
	vs, err := h.Store.Versions(ctx, path)
	if took := time.Since(start); err != nil && ctx.Err() != nil && took >= h.timeout() {
		h.fail(fmt.Errorf("%s: versions of %s: no answer for %v: %w", h.Name, path, took, os.ErrDeadlineExceeded))
	}
	return vs, h.judge(ctx, err)
}

// Delete removes v.
func (h *Health) Delete(ctx context.Context, v module.Version) error {
	if err := h.down(); err != nil {
		return err
	}
	return h.judge(ctx, h.Store.Delete(ctx, v))
}

// Catalog lists whole versions.
func (h *Health) Catalog(ctx context.Context, token string, n int) ([]module.Version, string, error) {
	if err := h.down(); err != nil {
		return nil, "", err
	}
	vs, next, err := h.Store.Catalog(ctx, token, n)
	return vs, next, h.judge(ctx, err)
}
