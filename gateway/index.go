package gateway

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/modtier/modtier/gateway/policy"
)

// How many versions the index gives to who does not say, as Athens and the public
// index do, and how many at most.
const (
	usualLines = 2000
	maxLines   = 10_000
)

// index lists what was saved in lines of JSON, the oldest first: ?since= is the time
// to begin with, and ?limit= says how many to give at most. Who goes on where a page
// ended asks for what is since its last line, and gets that line again.
//
// What the filter excludes is not listed. The hook is not asked: it may refuse what
// is listed.
func (g *Gateway) index(w *response, r *http.Request) {
	q := r.URL.Query()
	var since time.Time
	if s := q.Get("since"); s != "" {
		var err error
		if since, err = time.Parse(time.RFC3339Nano, s); err != nil {
			w.text(http.StatusBadRequest, "since: a time as in RFC 3339, such as 2026-01-02T15:04:05Z")
			return
		}
	}
	n := usualLines
	if s := q.Get("limit"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 1 {
			w.text(http.StatusBadRequest, "limit: a number of versions, 1 or more")
			return
		}
	}
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = textPlain, noStore, nosniff
	if err := g.writeIndex(w, r, since, min(n, maxLines)); err != nil {
		if w.status == 0 {
			g.fail(w, r, err)
			return
		}
		w.note(0, err)
		w.finish()
	}
}

// writeIndex writes n lines at most.
func (g *Gateway) writeIndex(w *response, r *http.Request, since time.Time, n int) error {
	out := bufio.NewWriterSize(w, 32<<10)
	lines := json.NewEncoder(out)
	if g.Index != nil {
		for v, err := range g.Index.Since(r.Context(), since) {
			if err != nil {
				return err
			}
			if g.Policy.Filter.Rule(v.Path, v.Version) == policy.Exclude {
				continue
			}
			if err := lines.Encode(v); err != nil {
				return err
			}
			if n--; n == 0 || r.Method == http.MethodHead {
				break
			}
		}
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if r.Method == http.MethodHead {
		return nil
	}
	return out.Flush()
}
