package gateway

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// healthz says that the process is alive; with ?deep=1, whether each tier can be
// used.
func (g *Gateway) healthz(w *response, r *http.Request) {
	if r.URL.Query().Get("deep") != "1" {
		w.text(http.StatusOK, "ok")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), deepTimeout)
	defer cancel()
	errs := make([]error, len(g.Checks))
	var asking sync.WaitGroup
	for i, c := range g.Checks {
		asking.Go(func() { errs[i] = c.Ask(ctx) })
	}
	asking.Wait()
	status := http.StatusOK
	var lines []string
	for i, c := range g.Checks {
		line := c.Tier + ": ok"
		if err := errs[i]; err != nil {
			// A tier's errors begin with its name.
			status, line = http.StatusServiceUnavailable, c.Tier+": "+strings.TrimPrefix(err.Error(), c.Tier+": ")
		}
		lines = append(lines, line)
	}
	w.text(status, strings.Join(lines, "\n"))
}

// deepTimeout is how long the tiers have to answer a deep check.
const deepTimeout = 10 * time.Second

// readyz says whether to send requests here, and which tiers are not well. An
// outage of a store or of the upstream is no reason not to: what is held can
// still be had.
func (g *Gateway) readyz(w *response, r *http.Request) {
	if g.Ready != nil {
		if err := g.Ready(r.Context()); err != nil {
			w.failure = err.Error()
			w.text(http.StatusServiceUnavailable, "not ready: "+err.Error())
			return
		}
	}
	text := "ready"
	if g.Degraded != nil {
		if sick := g.Degraded(); len(sick) > 0 {
			text += "\ndegraded:\n" + strings.Join(sick, "\n")
		}
	}
	w.text(http.StatusOK, text)
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

// asksHealth reports whether r is what a load balancer asks.
func (g *Gateway) asksHealth(r *http.Request) bool {
	if g.Prefix != "" && r.URL.Path == "/" {
		return r.URL.RawQuery == ""
	}
	path := strings.TrimPrefix(r.URL.Path, g.Prefix)
	return (path == "/healthz" || path == "/readyz") && r.URL.RawQuery == ""
}

// authorized reports whether r bears the user and the password, or needs none:
// a load balancer asks for health without them, as it does of Athens. A deep check
// costs requests to the stores, and so needs them.
func (g *Gateway) authorized(r *http.Request) bool {
	if g.asksHealth(r) {
		return true
	}
	user, pass, _ := r.BasicAuth()
	// Hashes have one length, so the comparison tells nothing of the secret's.
	u, wantU := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(g.User))
	p, wantP := sha256.Sum256([]byte(pass)), sha256.Sum256([]byte(g.Pass))
	return subtle.ConstantTimeCompare(u[:], wantU[:])&subtle.ConstantTimeCompare(p[:], wantP[:]) == 1
}
