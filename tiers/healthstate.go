package tiers

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"time"
)

// judge learns from what the store answered, and returns it.
func (h *Health) judge(ctx context.Context, err error) error {
	switch {
	case isHealthy(err):
		h.succeed()
	case ctx.Err() == nil:
		h.fail(err)
	}
	return err
}

// isHealthy reports whether a store that answers err is well.
func isHealthy(err error) bool {
	return err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported) ||
		errors.Is(err, ErrWhole) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrCorrupt) || errors.Is(err, ErrToken)
}

// succeed ends a row of failures. What began before the store went down does not
// bring it back.
func (h *Health) succeed() {
	h.mu.Lock()
	if h.state == Down {
		h.mu.Unlock()
		return
	}
	h.row = 0
	if h.state == Unstable && time.Since(h.failed) >= h.pause() {
		h.become(OK, nil)
	}
	h.mu.Unlock()
	h.tell()
}

func (h *Health) fail(err error) {
	h.mu.Lock()
	h.last, h.failed = err, time.Now()
	h.row++
	switch {
	case h.state == Down:
	case h.row >= maxRow:
		h.become(Down, err)
		if !h.closed {
			h.init()
			h.probing.Go(h.probe)
		}
		if h.up != nil {
			h.hope = time.AfterFunc(stall, h.giveUp)
		}
	case h.state == OK:
		h.become(Unstable, err)
	}
	h.mu.Unlock()
	h.tell()
}

// mend ends being down.
func (h *Health) mend() {
	h.mu.Lock()
	h.row = 0
	if h.hope != nil && !h.hope.Stop() {
		h.up = nil // it has fired
	}
	h.hope = nil
	h.become(OK, nil)
	h.mu.Unlock()
	h.tell()
}

// become changes the state. The caller holds mu, and calls tell after it.
func (h *Health) become(s State, why error) {
	h.state, h.since = s, time.Now()
	h.news = append(h.news, change{s, why})
}

// tell tells the changes in their order, without holding mu.
func (h *Health) tell() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.telling {
		return // who tells now finds it
	}
	h.telling = true
	defer func() { h.telling = false }()
	for len(h.news) > 0 {
		c := h.news[0]
		h.news = h.news[1:]
		h.mu.Unlock()
		h.announce(c)
		h.mu.Lock()
	}
}

func (h *Health) announce(c change) {
	log := cmp.Or(h.Log, slog.Default())
	switch c.state {
	case OK:
		log.Info("a store is well again", "store", h.Name)
	case Unstable:
		log.Warn("a store fails", "store", h.Name, "err", c.why)
	case Down:
		log.Error("a store is down and not asked any more; probing it", "store", h.Name, "every", h.pause(), "err", c.why)
	}
	if h.Changed != nil {
		h.Changed(c.state)
	}
}
