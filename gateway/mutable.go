package gateway

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/modtier/modtier/gateway/policy"
	"github.com/modtier/modtier/tiers"
)

// heldTimeout is how long a list waits for what the stores have. A list that
// upstream has given is not to wait for a store that hangs.
const heldTimeout = 10 * time.Second

// maxInfo bounds an info that is read into memory, in bytes.
const maxInfo = 1 << 20

// key is q's name in the answer cache.
func (q question) key() string { return q.kind + " " + q.path + "@" + q.version }

// mutable answers a question whose answer changes.
func (g *Gateway) mutable(w *response, r *http.Request, p *page, heldOnly bool) {
	ctx, q := r.Context(), p.question
	mode, elsewhere := g.onMiss(q.path, heldOnly)
	var a given
	var err error
	switch {
	case mode.Redirects():
		w.redirect(http.StatusMovedPermanently, elsewhere+p.escaped())
		return
	case mode == policy.None || g.Upstream == nil:
		a, err = g.fromHeld(ctx, q, g.answers.lookup(q.key()))
	case mode == policy.Async:
		a, err = g.askBehind(ctx, q)
	default:
		a, err = g.answers.get(ctx, q.key(), func(ctx context.Context) ([]byte, error) { return g.ask(ctx, q) })
		if err != nil {
			a, err = g.inOutage(ctx, q, nil, err)
		} else if a.trouble != nil {
			a, err = g.inOutage(ctx, q, a.answer, a.trouble)
		}
	}
	g.count(q.kind, a.state, err)
	if err != nil {
		w.Header().Set("Cache-Status", "answers; fwd=miss")
		g.fail(w, r, err)
		return
	}
	g.sendAnswer(w, r, a, q.kind)
}

func (g *Gateway) count(kind, state string, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		state = stale // nothing is held, and nobody was asked
	case err != nil:
		state = failed
	}
	if g.Answer != nil && state != "" {
		g.Answer(kind, state)
	}
}

// ask puts q to the upstream.
func (g *Gateway) ask(ctx context.Context, q question) ([]byte, error) {
	switch q.kind {
	case "list":
		return g.askList(ctx, q.path)
	case "latest":
		return g.askLatest(ctx, q.path)
	}
	return g.Upstream.Query(ctx, q.path, q.version)
}

// askList returns the union of what the upstream lists and what is held: a
// version that upstream no longer has can still be built with.
func (g *Gateway) askList(ctx context.Context, path string) ([]byte, error) {
	type answer struct {
		versions []string
		err      error
	}
	here := make(chan answer, 1)
	heldCtx, cancel := context.WithTimeout(ctx, heldTimeout)
	defer cancel()
	go func() {
		vs, err := g.Held.Versions(heldCtx, path)
		here <- answer{vs, err}
	}()
	vs, err := g.Upstream.Versions(ctx, path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var held []string
	select {
	case a := <-here:
		held = a.versions // of those tiers that could be asked
		if a.err != nil {
			g.Log.WarnContext(ctx, "a list may be without versions held", "module", path, "err", a.err)
		}
	case <-heldCtx.Done():
		g.Log.WarnContext(ctx, "a list is without the versions held", "module", path, "err", context.Cause(heldCtx))
	}
	if err != nil && len(held) == 0 {
		return nil, err
	}
	return listText(append(vs, held...)), nil
}

// listText returns versions as @v/list has them: sorted, each once, without
// pseudo-versions.
func listText(versions []string) []byte {
	versions = slices.DeleteFunc(versions, module.IsPseudoVersion)
	semver.Sort(versions)
	var b bytes.Buffer
	for _, v := range slices.Compact(versions) {
		b.WriteString(v)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// askLatest returns the info of the latest version. Some upstreams have no
// @latest; there it is the highest version of the list.
func (g *Gateway) askLatest(ctx context.Context, path string) ([]byte, error) {
	b, err := g.Upstream.Latest(ctx, path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	list, listErr := g.askList(ctx, path)
	if listErr != nil && !errors.Is(listErr, fs.ErrNotExist) {
		return nil, listErr
	}
	v := highest(strings.Fields(string(list)))
	if v == "" {
		return nil, err
	}
	return readInfo(ctx, g.Files, path, v)
}

// highest returns the highest release of versions or, if there is none, the
// highest pre-release, or else pseudo-version: what the go command takes for
// latest.
func highest(versions []string) string {
	var release, pre, pseudo string
	for _, v := range versions {
		best := &release
		if module.IsPseudoVersion(v) {
			best = &pseudo
		} else if semver.Prerelease(v) != "" {
			best = &pre
		}
		if *best == "" || semver.Compare(v, *best) > 0 {
			*best = v
		}
	}
	return cmp.Or(release, pre, pseudo)
}

func readInfo(ctx context.Context, source tiers.Source, path, version string) ([]byte, error) {
	o, err := source.Open(ctx, tiers.Ref{Path: path, Version: version, Kind: tiers.Info})
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	b, err := io.ReadAll(io.LimitReader(o.Body, maxInfo))
	if err != nil {
		return nil, fmt.Errorf("%s@%s.info: %w", path, version, err)
	}
	return b, nil
}

// inOutage answers q when the upstream cannot be asked: from what it said
// before, if that is not too old, and from what is held. The trouble is the
// answer if there is nothing, for it says more than an absence here would.
func (g *Gateway) inOutage(ctx context.Context, q question, known *answer, trouble error) (given, error) {
	if g.Strict || ctx.Err() != nil {
		return given{}, trouble
	}
	a, err := g.fromHeld(ctx, q, known)
	if err != nil {
		return given{}, trouble
	}
	a.trouble = trouble
	return a, nil
}

// fromHeld answers q without the upstream: from known, what it said before, if
// that is not nil, and from what is held.
func (g *Gateway) fromHeld(ctx context.Context, q question, known *answer) (given, error) {
	if known != nil && known.absent != nil {
		known = nil // something may have come since
	}
	if known != nil && q.kind != "list" {
		return given{answer: known, state: stale}, nil
	}
	if q.kind == "query" {
		return given{}, fs.ErrNotExist // a branch leaves no trace in what is held
	}
	held, err := g.Held.Versions(ctx, q.path)
	if err != nil {
		return given{}, err
	}
	a := new(answer)
	switch {
	case q.kind == "latest":
		v := highest(held)
		if v == "" {
			return given{}, fs.ErrNotExist
		}
		if a.body, err = readInfo(ctx, g.Held, q.path, v); err != nil {
			return given{}, err
		}
	case known != nil:
		a.at = known.at
		a.body = listText(append(held, strings.Fields(string(known.body))...))
	case len(held) > 0:
		a.body = listText(held)
	default:
		return given{}, fs.ErrNotExist
	}
	return given{answer: a, state: stale}, nil
}

// sendAnswer writes an answer, or that there is none.
func (g *Gateway) sendAnswer(w *response, r *http.Request, a given, kind string) {
	h := w.Header()
	h.Set("Cache-Status", g.answerStatus(a))
	if a.trouble != nil {
		if s := proxyStatus(a.trouble); s != "" {
			h.Set("Proxy-Status", s)
		}
	}
	left := g.Times.Fresh - time.Since(a.at)
	if a.absent != nil {
		left = g.Times.Negative - time.Since(a.at)
	}
	h["Cache-Control"] = g.cacheControl("max-age=" + seconds(max(left, 0)))
	if err := a.absence(); err != nil {
		g.fail(w, r, err)
		return
	}
	switch {
	case a.state == refreshed:
		w.servedBy = "upstream"
	case a.at.IsZero():
		w.servedBy = "held"
	default:
		w.servedBy = "answers"
	}
	h["Content-Type"] = jsonType
	if kind == "list" || kind == "sumdb" {
		h["Content-Type"] = textPlain
	}
	h["X-Content-Type-Options"] = nosniff
	h["Etag"] = []string{contentTag(a.body)}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
	w.finish()
}

// answerStatus returns the Cache-Status of an answer.
func (g *Gateway) answerStatus(a given) string {
	if a.state == refreshed {
		s := "answers; fwd=miss; fwd-status=200; stored"
		if a.absent != nil {
			s = "answers; fwd=miss; fwd-status=" + strconv.Itoa(statusOf(a.absence())) + "; stored"
		}
		if a.collapsed {
			s += "; collapsed"
		}
		return s
	}
	s := "answers; hit"
	if a.absent != nil {
		return s + "; ttl=" + seconds(g.Times.Negative-time.Since(a.at))
	}
	if !a.at.IsZero() {
		s += "; ttl=" + seconds(g.Times.Fresh-time.Since(a.at)) // negative once it is stale
	} else {
		s += "; detail=held"
	}
	return s
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// contentTag returns the entity tag of a small body.
func contentTag(b []byte) string {
	h := sha256.Sum256(b)
	return `"` + base64.RawURLEncoding.EncodeToString(h[:12]) + `"`
}
