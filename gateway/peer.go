package gateway

import (
	"net/http"
	"strings"

	"github.com/modtier/modtier/tiers"
)

// Peers says what other instances may ask, and how they show who they are.
type Peers struct {
	Prefix string       // of their paths, "/x/"; what follows is as the go command has it
	Files  tiers.Source // what is here, or on its way here
	// Check refuses a request that is not theirs, and puts into h what shows them
	// who answers. path is the URL's, decoded, behind the gateway's own Prefix.
	Check func(h http.Header, r *http.Request, path string) error
}

// peerPath returns the path of a request of another instance, with or without the
// gateway's own Prefix before it. It needs no password.
func (g *Gateway) peerPath(r *http.Request) (path string, ok bool) {
	if g.Peers == nil {
		return "", false
	}
	path = r.URL.Path
	if !strings.HasPrefix(path, g.Peers.Prefix) {
		path = strings.TrimPrefix(path, g.Prefix)
	}
	return path, strings.HasPrefix(path, g.Peers.Prefix)
}

// peer answers another instance with a file that is here or on its way here.
func (g *Gateway) peer(w *response, r *http.Request, path string) {
	w.kind = "peer"
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET")
		w.text(http.StatusMethodNotAllowed, "other instances only GET")
		return
	}
	if err := g.Peers.Check(w.Header(), r, path); err != nil {
		w.servedBy, w.failure = "none", err.Error()
		w.text(http.StatusForbidden, "for other instances only: "+err.Error())
		return
	}
	q, err := parse("/" + strings.TrimPrefix(path, g.Peers.Prefix))
	if err != nil || q.kind != q.file.String() {
		w.text(http.StatusNotFound, "bad path: other instances ask for a file of a version")
		return
	}
	w.module, w.version = q.path, q.version
	o, err := g.Peers.Files.Open(r.Context(), q.ref())
	if err != nil {
		g.fail(w, r, err)
		return
	}
	defer o.Body.Close()
	w.servedBy = o.Tier
	w.Header()["Content-Type"] = contentTypes[q.file]
	w.Header()["Cache-Control"] = noStore
	g.send(w, r, o, nil)
	w.finish()
}
