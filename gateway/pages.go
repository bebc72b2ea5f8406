package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// home says what this is and how to use it.
func (g *Gateway) home(w *response, r *http.Request) { w.text(http.StatusOK, g.Home) }

// healthz says that the process is alive.
func (g *Gateway) healthz(w *response, r *http.Request) { w.text(http.StatusOK, "ok") }

// readyz says whether to send requests here. An upstream's outage is no reason
// not to: what is held can still be had.
func (g *Gateway) readyz(w *response, r *http.Request) {
	if g.Ready != nil {
		if err := g.Ready(r.Context()); err != nil {
			w.failure = err.Error()
			w.text(http.StatusServiceUnavailable, "not ready: "+err.Error())
			return
		}
	}
	w.text(http.StatusOK, "ready")
}

func (g *Gateway) version(w *response, r *http.Request) {
	v := g.Version
	if !json.Valid(v) {
		v = []byte("{}")
	}
	h := w.Header()
	h["Content-Type"], h["Cache-Control"] = jsonType, noStore
	h["Content-Length"] = []string{strconv.Itoa(len(v) + 1)}
	w.Write(append(v[:len(v):len(v)], '\n'))
}

func (g *Gateway) robots(w *response, r *http.Request) {
	text := string(g.Robots)
	if g.Robots == nil {
		text = "User-agent: *\nDisallow: /\n"
	}
	w.text(http.StatusOK, text)
}

// authorized reports whether r bears the user and the password, or needs none:
// a load balancer asks for health without them, as it does of Athens.
func (g *Gateway) authorized(r *http.Request) bool {
	switch strings.TrimPrefix(r.URL.Path, g.Prefix) {
	case "/healthz", "/readyz":
		return true
	}
	user, pass, _ := r.BasicAuth()
	// Hashes have one length, so the comparison tells nothing of the secret's.
	u, wantU := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(g.User))
	p, wantP := sha256.Sum256([]byte(pass)), sha256.Sum256([]byte(g.Pass))
	return subtle.ConstantTimeCompare(u[:], wantU[:])&subtle.ConstantTimeCompare(p[:], wantP[:]) == 1
}
