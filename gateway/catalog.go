package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/modtier/modtier/gateway/policy"
	"github.com/modtier/modtier/tiers"
)

// The size of a page of the catalog: what Athens gives to who does not ask for
// one, and the most that is given.
const (
	usualPage = 1000
	maxPage   = 10_000
)

// A catalogPage is one of the catalog, in Athens' JSON.
type catalogPage struct {
	Modules []catalogEntry `json:"modules"`
	Next    string         `json:"next"`
}

type catalogEntry struct {
	Module  string `json:"module"`
	Version string `json:"version"`
}

// catalog lists the versions held: ?token= goes on where a page ended, and
// ?pagesize= says how many to give at most. What the filter excludes is not listed,
// so that a page may have fewer, and even none, before the last one.
func (g *Gateway) catalog(w *response, r *http.Request) {
	q := r.URL.Query()
	n := usualPage
	if s := q.Get("pagesize"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 1 {
			w.text(http.StatusBadRequest, "pagesize: a number of versions, 1 or more")
			return
		}
	}
	vs, next, err := g.Held.Catalog(r.Context(), q.Get("token"), min(n, maxPage))
	if err != nil {
		if errors.Is(err, tiers.ErrToken) {
			w.text(http.StatusBadRequest, err.Error())
			return
		}
		if errors.Is(err, errors.ErrUnsupported) {
			w.failure = err.Error()
			w.text(http.StatusNotImplemented, "a store of this gateway cannot list what it has")
			return
		}
		g.fail(w, r, err)
		return
	}
	page := catalogPage{Modules: make([]catalogEntry, 0, len(vs)), Next: next}
	for _, v := range vs {
		if g.Policy.Filter.Rule(v.Path, v.Version) != policy.Exclude {
			page.Modules = append(page.Modules, catalogEntry{v.Path, v.Version})
		}
	}
	b, err := json.Marshal(page)
	if err != nil {
		g.fail(w, r, err)
		return
	}
	h := w.Header()
	h["Content-Type"], h["Cache-Control"] = jsonType, noStore
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	w.Write(b)
}
