package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/gateway/live"
	"github.com/modtier/modtier/tiers"
)

// A Live is where the page at / and /status has its numbers. Its zero value is no page.
type Live struct {
	Status  func(window time.Duration) *live.Status // nil for no page
	Explain func(context.Context, module.Version) (*live.Explanation, error)
	Use     func(base *url.URL) string // the command that makes the go command use a gateway at base
}

func (l *Live) routes(g *Gateway, get func(string, func(*response, *http.Request))) {
	if l.Status == nil {
		return
	}
	get("/status", g.status)
	get("/status.json", g.statusJSON)
	get("/status.css", g.asset)
	get("/status.js", g.asset)
	get("/explain", g.explain)
	get("/explain/*", g.explain)
}

// wantsHTML reports whether a browser asks: who pastes a line into a shell gets text.
func wantsHTML(r *http.Request) bool {
	return strings.Contains(strings.Join(r.Header["Accept"], ","), "text/html")
}

var varyAccept = []string{"Accept"}

// status answers with the page.
func (g *Gateway) status(w *response, r *http.Request) {
	b, err := g.page.Status(g.statusOf(r))
	g.html(w, r, http.StatusOK, b, err)
}

func (g *Gateway) statusJSON(w *response, r *http.Request) { g.json(w, g.statusOf(r)) }

// statusOf returns what the window that r asks for shows.
func (g *Gateway) statusOf(r *http.Request) *live.Status {
	window := 5 * time.Minute
	if d, err := time.ParseDuration(r.URL.Query().Get("window")); err == nil {
		window = min(max(d, 10*time.Second), 15*time.Minute)
	}
	s := g.Live.Status(window)
	s.Asked = window.Seconds()
	if g.Live.Use != nil {
		base := url.URL{Scheme: "http", Host: r.Host}
		if secured(r) {
			base.Scheme = "https"
		}
		s.Use = g.Live.Use(&base)
	}
	return s
}

// asset answers with a file that the page refers to.
func (g *Gateway) asset(w *response, r *http.Request) {
	a := g.page.Asset(strings.TrimPrefix(r.URL.Path, g.Prefix+"/"))
	h := w.Header()
	h["Content-Type"], h["X-Content-Type-Options"] = []string{a.Type}, nosniff
	h["Cache-Control"], h["Etag"] = []string{"private, no-cache"}, []string{a.ETag} // asked for again, and mostly not sent
	if r.Header.Get("If-None-Match") == a.ETag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Length"] = []string{strconv.Itoa(len(a.Content))}
	w.Write(a.Content)
}

// explain says which tier holds which file of the version that r names, in the path or,
// as the search box has it, as q.
func (g *Gateway) explain(w *response, r *http.Request) {
	page := wantsHTML(r) || r.URL.Query().Has("html")
	w.Header()["Vary"] = varyAccept
	name := strings.Trim(strings.TrimPrefix(r.URL.Path, g.Prefix+"/explain"), "/")
	if name == "" {
		name = strings.TrimSpace(r.URL.Query().Get("q"))
	}
	if name == "" && page {
		b, err := g.page.Explanation("", nil, "")
		g.html(w, r, http.StatusOK, b, err)
		return
	}
	e, code, err := g.explanation(r.Context(), name)
	switch {
	case err != nil && page:
		b, failed := g.page.Explanation(name, nil, err.Error())
		g.html(w, r, code, b, failed)
	case err != nil:
		w.text(code, err.Error())
	case page:
		b, err := g.page.Explanation(name, e, "")
		g.html(w, r, http.StatusOK, b, err)
	default:
		g.json(w, e)
	}
}

// explanation returns what is known of the version of that name, or an error and its
// status.
func (g *Gateway) explanation(ctx context.Context, name string) (*live.Explanation, int, error) {
	v, err := parseVersion(name)
	if err != nil {
		return nil, http.StatusBadRequest, err
	}
	e, err := g.Live.Explain(ctx, v)
	if errors.Is(err, tiers.ErrBusy) {
		return nil, http.StatusServiceUnavailable, err
	}
	return e, http.StatusInternalServerError, err
}

// parseVersion reads module@version, as people write it or as the protocol does, through
// the one parser there is. A line of a go.mod file will do, too.
func parseVersion(name string) (v module.Version, err error) {
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "require "), " //") // indirect
	name = strings.Join(strings.Fields(name), "@")
	path, version, ok := strings.Cut(name, "@")
	if !ok || path == "" || version == "" {
		return v, fmt.Errorf("bad name %q: it takes a module and a version, such as example.com/module@v1.2.3", name)
	}
	if !strings.Contains(name, "!") {
		if path, err = module.EscapePath(path); err != nil {
			return v, fmt.Errorf("bad name: %w", err)
		}
		if version, err = module.EscapeVersion(version); err != nil {
			return v, fmt.Errorf("bad name: %w", err)
		}
	}
	q, err := parse("/" + path + "/@v/" + version + ".info")
	if err != nil {
		return v, fmt.Errorf("bad name: %w", err)
	}
	if q.kind != "info" {
		return v, fmt.Errorf("bad name: %q is not a canonical version of %s", q.version, q.path)
	}
	return q.ref().Module(), nil
}

// html answers with a page of ours.
func (g *Gateway) html(w *response, r *http.Request, code int, b []byte, err error) {
	if err != nil {
		g.fail(w, r, err)
		return
	}
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = htmlType, noStore, nosniff
	h["Content-Security-Policy"], h["Referrer-Policy"] = []string{live.Policy}, []string{"same-origin"}
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	w.WriteHeader(code)
	w.Write(b)
}

// json answers with v.
func (g *Gateway) json(w *response, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		w.failure = err.Error()
		w.text(http.StatusInternalServerError, err.Error())
		return
	}
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = jsonType, noStore, nosniff
	h["Content-Length"] = []string{strconv.Itoa(len(b) + 1)}
	w.Write(append(b, '\n'))
}
