package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/modtier/modtier/gateway/policy"
	"github.com/modtier/modtier/tiers"
)

// onMiss returns what a miss of a module does, and where a redirect leads. Who asks
// for what is held only causes nothing.
func (g *Gateway) onMiss(path string, heldOnly bool) (mode policy.Mode, elsewhere string) {
	if heldOnly {
		return policy.None, ""
	}
	return g.Policy.Modes.For(path)
}

// open opens a file: in the mode Sync from wherever it is, else from what is held.
func (g *Gateway) open(ctx context.Context, ref tiers.Ref, mode policy.Mode, heldOnly bool) (*tiers.Object, error) {
	if mode == policy.Sync {
		return g.Files.Open(ctx, ref)
	}
	o, err := g.Held.Open(ctx, ref)
	if err != nil || heldOnly || !slices.Contains(g.Stores, o.Tier) {
		return o, err
	}
	// It is in a store: a hit, but Held would fill no cache with it.
	o.Body.Close()
	return g.Files.Open(ctx, ref)
}

// missed answers for a file that is not held, in another mode than Sync.
func (g *Gateway) missed(w *response, r *http.Request, p *page, err error, mode policy.Mode, elsewhere string) {
	absent := errors.Is(err, fs.ErrNotExist)
	underWay := false
	if mode.Fetches() && g.Upstream != nil {
		underWay = g.behind.do(p.key(), func() { g.fetch(context.WithoutCancel(r.Context()), p.ref()) })
	}
	switch {
	case mode.Redirects(): // also if a store could not be asked: elsewhere is the next one to ask
		g.setAbsent(w, "")
		w.redirect(http.StatusMovedPermanently, elsewhere+p.escaped())
		return
	case absent && mode == policy.None:
		err = &tiers.AbsentError{Text: "not here, and not fetched: what is missing of " + p.path + " stays so (DownloadMode)"}
	case absent && g.Upstream != nil:
		err = notYet(underWay)
	}
	g.missing(w, r, err, false)
}

// notYet is the absence of what is asked for behind.
func notYet(underWay bool) error {
	if !underWay {
		return &tiers.AbsentError{Text: "not here, and not fetched yet, for too much is: ask again later"}
	}
	return &tiers.AbsentError{Text: "not here yet: it is being fetched, so ask again later"}
}

// fetch brings a file up for those who ask later. The tiers bound how long that
// takes, and the fill goes on when the body is closed.
func (g *Gateway) fetch(ctx context.Context, ref tiers.Ref) {
	o, err := g.Files.Open(ctx, ref)
	if err != nil {
		g.Log.WarnContext(ctx, "a file asked for was not fetched behind", "err", fmt.Errorf("%s: %w", ref, err))
		return
	}
	o.Body.Close()
}

// askBehind answers q from what is known and held, and asks the upstream for who
// asks later.
func (g *Gateway) askBehind(ctx context.Context, q question) (given, error) {
	known := g.answers.lookup(q.key())
	underWay := true
	if known == nil || g.due(known) {
		ask := func(ctx context.Context) ([]byte, error) { return g.ask(ctx, q) }
		underWay = g.behind.do(q.key(), func() {
			if res := <-g.answers.refresh(ctx, q.key(), ask); res.Err != nil {
				g.Log.WarnContext(ctx, "an answer was not fetched behind", "module", q.path, "kind", q.kind, "err", res.Err)
			}
		})
	}
	if known != nil && known.absent == nil && !g.due(known) {
		return given{answer: known, state: fresh}, nil
	}
	a, err := g.fromHeld(ctx, q, known)
	if errors.Is(err, fs.ErrNotExist) {
		if known != nil && !g.due(known) {
			return given{}, known.absence()
		}
		return given{}, notYet(underWay)
	}
	return a, err
}

// due reports whether it is time to ask for a again.
func (g *Gateway) due(a *answer) bool {
	if a.absent != nil {
		return time.Since(a.at) >= g.Times.Negative
	}
	return time.Since(a.at) >= g.Times.Fresh
}

// maxBehind is how many things are done behind at once. In the other modes the
// clients that wait are a bound; here none waits.
const maxBehind = 1024

// behind does what no client waits for.
type behind struct {
	mu    sync.Mutex // guards names
	names map[string]struct{}
}

// do begins work, unless there is some under way by that name. It reports whether
// there is now.
func (b *behind) do(name string, work func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.names[name]; ok {
		return true
	}
	if len(b.names) >= maxBehind {
		return false
	}
	if b.names == nil {
		b.names = make(map[string]struct{})
	}
	b.names[name] = struct{}{}
	go func() {
		defer func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			delete(b.names, name)
		}()
		work()
	}()
	return true
}
