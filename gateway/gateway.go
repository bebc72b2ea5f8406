// Package gateway speaks the GOPROXY protocol
// (https://go.dev/ref/mod#goproxy-protocol) over what a stack of tiers holds.
//
// It decodes and checks each request once, at the door, and knows no tier but
// by the interfaces of package tiers. Files never change and come from the
// stack; lists, @latest and branches change and live in one answer cache here.
// It neither fetches from anywhere itself nor keeps anything.
//
// Start reading at [Gateway.Handler], then file.go and answers.go.
package gateway

import (
	"context"
	"hash/maphash"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/modtier/modtier/gateway/live"
	"github.com/modtier/modtier/gateway/policy"
	"github.com/modtier/modtier/tiers"
)

// An Upstream answers the questions whose answers change. If it was asked and
// has nothing, its error matches fs.ErrNotExist.
type Upstream interface {
	// Versions lists the versions of a module, in no order.
	Versions(ctx context.Context, path string) ([]string, error)
	// Latest returns the info of the version that @latest means.
	Latest(ctx context.Context, path string) ([]byte, error)
	// Query returns the info of the version that a branch, a commit or a
	// version prefix means.
	Query(ctx context.Context, path, query string) ([]byte, error)
	// SumDB returns what the checksum database name says at path, which is
	// "latest", "lookup/..." or "tile/...".
	SumDB(ctx context.Context, name, path string) ([]byte, error)
}

// Notes keeps small files by name across restarts. A name is a valid path in
// lower case ([io/fs.ValidPath]). If there is no such note, the error of ReadNote
// matches fs.ErrNotExist.
type Notes interface {
	ReadNote(name string) (b []byte, written time.Time, err error)
	WriteNote(name string, b []byte) error
}

// An Index tells which versions were saved, in the order of time.
type Index interface {
	// Since yields what was saved at t or later, the oldest first. An error is the
	// last that it yields.
	Since(ctx context.Context, t time.Time) iter.Seq2[tiers.Saved, error]
}

// A Gateway is a GOPROXY. Fill in the exported fields before first use.
type Gateway struct {
	Files    tiers.Source // all there is, filled from below on a miss
	Held     tiers.Store  // what is held, here and in the stores; asks no upstream
	Upstream Upstream     // nil when offline
	Notes    Notes        // for mutable answers and checksum databases; never nil
	Index    Index        // of what was saved; nil is an empty one
	Caches   []string     // the names of the caches that Files asks, fastest first
	Stores   []string     // and of the stores below them

	Times     Times // of mutable answers
	Questions int64 // the most questions to Upstream at once; 0 is 256
	Strict    bool  // a list that the upstream cannot confirm is an error (NetworkMode strict)

	SumDBs        []string // names of the checksum databases served
	NoSumPatterns []string // modules that are never looked up in one: path.Match patterns of prefixes

	// Policy says which modules are refused, and what a miss does. It does not
	// bind other instances of the fleet: each has its own for its clients.
	Policy policy.Policy

	Prefix     string // of all paths but /metrics; "" or "/x", without a slash at the end
	User, Pass string // of basic authentication; both empty for none
	ForceSSL   bool   // what came without TLS is redirected, but for health and metrics
	Robots     []byte // the content of /robots.txt; nil forbids robots everything
	Home       string // the text at /
	HomeFile   string // an HTML template for /, read at each request; "" or absent is Home
	Version    []byte // the JSON at /version

	// ID is this gateway's name in a Via header: a request that bears it came
	// back to us, and is refused. Empty disables the check.
	ID string

	// Peers are the other instances of the fleet; nil for none. What they ask for
	// is answered from what is here, and is not asked for anywhere else.
	Peers *Peers

	Ready    func(context.Context) error // nil is always ready
	Degraded func() []string             // the tiers that are not well, each with its state; nil if none can be
	Checks   []Check                     // what /healthz?deep=1 asks
	Metrics  http.Handler                // at /metrics; nil for none
	Observe  func(Request)               // called after each request; may be nil
	Trace    Trace                       // sees each request from its start; may be nil
	Answer   func(kind, state string)    // called for each mutable answer; may be nil
	Live     Live                        // the page at / and /status; its zero value is none
	Log      *slog.Logger                // nil is slog.Default

	page     *live.Page
	answers  *answers
	statuses map[fileStatus][]string
	recent   *recent
	ids      ids
	behind   behind
	tiles    sync.Mutex // orders the writing of tiles, so that none becomes narrower
}

// A Check asks one tier whether it can be used.
type Check struct {
	Tier string
	Ask  func(context.Context) error
}

// A Request tells how a request went, once it is over.
type Request struct {
	Kind     string // info, mod, zip, list, latest, query, sumdb or other
	Code     int    // the HTTP status; 499 if the client left before there was one
	ServedBy string // the tier that answered, or answers, notes, held, gateway or none
	Duration time.Duration
	Bytes    int64 // of the body

	Module, Version string // "" where the path names none
	TraceID         string // what Trace returned at the end; "" for none
}

// Times bound the age of mutable answers. Each age counts from the moment when
// the upstream was last heard. A zero value means what it says: none.
type Times struct {
	Fresh      time.Duration // answered without asking
	Revalidate time.Duration // after Fresh: answered at once, and asked in the background
	Stale      time.Duration // answered if the upstream cannot be asked
	Negative   time.Duration // an absence is remembered; an outage is not asked again
}

// Handler returns the gateway's handler. It is called once.
func (g *Gateway) Handler() http.Handler {
	if g.Log == nil {
		g.Log = slog.Default()
	}
	if g.Strict {
		g.Times.Revalidate, g.Times.Stale = 0, 0
	}
	g.answers = newAnswers(g.Times, g.Questions, g.Notes, g.Log)
	g.statuses = fileStatuses(g.Caches, g.Stores)
	g.recent = &recent{seed: maphash.MakeSeed()}
	g.page = live.New(g.Prefix)

	r := chi.NewRouter()
	r.NotFound(g.route(func(w *response, r *http.Request) {
		w.text(http.StatusNotFound, "no such path: a module path, then /@v/list, /@v/VERSION.info, .mod or .zip, or /@latest")
	}))
	r.MethodNotAllowed(g.route(func(w *response, r *http.Request) {
		w.Header().Set("Allow", "GET, HEAD")
		w.text(http.StatusMethodNotAllowed, "only GET and HEAD: this is a module proxy")
	}))
	get := func(r chi.Router, pattern string, h func(*response, *http.Request)) {
		r.Get(pattern, g.route(h))
		r.Head(pattern, g.route(h))
	}
	routes := func(r chi.Router) {
		get(r, "/", g.home)
		get(r, "/healthz", g.healthz)
		get(r, "/readyz", g.readyz)
		get(r, "/version", g.version)
		get(r, "/catalog", g.catalog)
		get(r, "/index", g.index)
		get(r, "/robots.txt", g.robots)
		g.Live.routes(g, func(pattern string, h func(*response, *http.Request)) { get(r, pattern, h) })
		get(r, "/sumdb/*", g.sumdb)
		get(r, "/cached-only/*", g.module)
		get(r, "/*", g.module)
	}
	if g.Prefix != "" {
		r.Route(g.Prefix, routes)
		get(r, "/", g.healthz)        // where one looks that can be told no path, as at Athens
		get(r, "/healthz", g.healthz) // where a load balancer looks for them
		get(r, "/readyz", g.readyz)
		get(r, "/robots.txt", g.robots)
	} else {
		routes(r)
	}
	if g.Metrics != nil {
		r.Method(http.MethodGet, "/metrics", g.Metrics)
		r.Method(http.MethodHead, "/metrics", g.Metrics)
	}
	return g.door(r)
}

// route adapts a handler of ours to net/http. All writers are a *response, for
// door makes them and nothing comes between.
func (g *Gateway) route(h func(*response, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { h(w.(*response), r) }
}

// door lets a request in: it records how it goes, refuses who may not enter, and
// breaks loops.
func (g *Gateway) door(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w := &response{ResponseWriter: rw, start: time.Now(), kind: "other", servedBy: "gateway"}
		w.identify(r, &g.ids)
		if g.Trace != nil {
			var ctx context.Context
			ctx, w.traced = g.Trace(r)
			r = r.WithContext(ctx)
		}
		defer g.record(w, r)
		if r.ContentLength != 0 {
			w.drain(r)
			if r.Method == http.MethodGet || r.Method == http.MethodHead {
				w.text(http.StatusBadRequest, "a request to a module proxy has no body")
				return
			}
		}
		if len(r.URL.Path) > maxURL {
			w.text(http.StatusRequestURITooLong, "the path is longer than any module's")
			return
		}
		if raw := r.URL.RawPath; raw != "" && strings.Contains(strings.ToLower(raw), "%2f") {
			w.text(http.StatusNotFound, "bad path: an encoded slash separates nothing and belongs to no name")
			return
		}
		if path, ok := g.peerPath(r); ok {
			g.peer(w, r, path)
			return
		}
		if g.ForceSSL && !secured(r) && !g.mayBePlain(r) {
			w.redirect(http.StatusMovedPermanently, secureURL(r))
			return
		}
		if g.User != "" && !g.authorized(r) {
			w.refused = g.tried(r)
			w.Header().Set("WWW-Authenticate", `Basic realm="modtier", charset="UTF-8"`)
			w.text(http.StatusUnauthorized, "user and password are required: put them into the URL of GOPROXY or into a netrc file; the go command sends them over https only")
			return
		}
		if via := r.Header["Via"]; len(via) > 0 {
			chain := strings.Join(via, ", ")
			if g.ID != "" && strings.Contains(chain, g.ID) {
				w.text(http.StatusLoopDetected, "this gateway is its own upstream: its upstream list (Tiers.Upstream, MODTIER_UPSTREAM or GOPROXY) leads back to it")
				return
			}
			r = r.WithContext(tiers.WithVia(r.Context(), chain))
		}
		next.ServeHTTP(w, r)
	})
}

// record logs a request and counts it. It runs in a defer, so that a response
// that was broken off is recorded too.
func (g *Gateway) record(w *response, r *http.Request) {
	if w.status == 0 {
		w.status = statusClientGone
	}
	d := time.Since(w.start)
	q := Request{w.kind, w.status, w.servedBy, d, w.bytes, w.module, w.version, ""}
	if w.traced != nil {
		q.TraceID = w.traced(q)
	}
	if g.Observe != nil {
		g.Observe(q)
	}
	level := slog.LevelInfo
	if w.status >= 500 {
		level = slog.LevelWarn
	}
	if w.kind == "other" && w.status < 400 {
		level = slog.LevelDebug // probes and scrapes
	}
	if !g.Log.Enabled(r.Context(), level) {
		return
	}
	// A record of our own spares the look at the stack that a logger takes to
	// say where it was called.
	line := slog.NewRecord(w.start.Add(d), level, "request", 0)
	if w.module == "" {
		line.AddAttrs(slog.String("path", r.URL.Path))
	} else {
		line.AddAttrs(slog.String("module", w.module), slog.String("version", w.version))
	}
	line.AddAttrs(
		slog.String("kind", w.kind),
		slog.Int("status", w.status),
		slog.Int64("bytes", w.bytes),
		slog.Duration("duration", d),
		slog.String("served_by", w.servedBy),
		slog.String("request_id", w.id[0]))
	if w.status >= 400 {
		line.AddAttrs(slog.String("remote", r.RemoteAddr))
	}
	line.AddAttrs(w.refused...)
	if r.Method != http.MethodGet {
		line.AddAttrs(slog.String("method", r.Method))
	}
	if w.failure != "" {
		line.AddAttrs(slog.String("err", w.failure))
	}
	_ = g.Log.Handler().Handle(r.Context(), line) // as a Logger does
}
