package gateway

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/modtier/modtier/gateway/policy"
	"github.com/modtier/modtier/tiers"
)

// immutable is the Cache-Control of files: they never change, so a year is as
// good as for ever.
const immutable = "max-age=31536000, immutable"

var contentTypes = map[tiers.Kind][]string{tiers.Info: jsonType, tiers.Mod: textPlain, tiers.Zip: zipType}

// module answers a request for a module.
func (g *Gateway) module(w *response, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, g.Prefix)
	rest, heldOnly := strings.CutPrefix(path, "/cached-only/")
	if heldOnly {
		path = "/" + rest
	}
	// The go command asks with this header when it wants to know what is
	// there already.
	if h := r.Header["Disable-Module-Fetch"]; len(h) > 0 && strings.EqualFold(h[0], "true") {
		heldOnly = true
	}
	p, err := g.recent.parse(path)
	if err != nil {
		w.text(http.StatusNotFound, "bad path: "+err.Error())
		return
	}
	w.kind, w.module, w.version = p.kind, p.path, p.version
	if !g.admits(w, r, p, heldOnly) {
		return
	}
	switch p.kind {
	case "list", "latest", "query":
		g.mutable(w, r, p, heldOnly)
	default:
		g.file(w, r, p, heldOnly)
	}
}

// file answers with one file of a version.
func (g *Gateway) file(w *response, r *http.Request, p *page, heldOnly bool) {
	ref := p.ref()
	mode, elsewhere := g.onMiss(p.path, heldOnly)
	o, err := g.open(r.Context(), ref, mode, heldOnly)
	switch {
	case err != nil && (mode == policy.Sync || heldOnly):
		g.missing(w, r, err, g.Upstream != nil && !heldOnly)
		return
	case err != nil:
		g.missed(w, r, p, err, mode, elsewhere)
		return
	}
	defer o.Body.Close()
	w.servedBy = o.Tier
	h := w.Header()
	h["Content-Type"] = contentTypes[ref.Kind]
	h["Cache-Control"] = g.cacheControl(immutable)
	h["Cache-Status"] = g.statuses[fileStatus{o.Tier, ref.Kind == tiers.Zip, o.Collapsed}]
	v := p.of(o)
	if v != nil {
		h["Etag"] = v.etag
	}
	g.send(w, r, o, v)
	w.finish()
}

// send writes the body of o, or the part of it that r asks for.
func (g *Gateway) send(w *response, r *http.Request, o *tiers.Object, v *validators) {
	_, onDisk := o.Body.(*os.File)
	body, seeks := o.Body.(io.ReadSeeker)
	if o.Size >= 0 && seeks && (onDisk || conditional(r.Header)) {
		http.ServeContent(w, r, "", o.ModTime, body) // with sendfile, if it is a file
		return
	}
	h := w.Header()
	switch {
	case v != nil:
		h["Content-Length"], h["Last-Modified"], h["Accept-Ranges"] = v.length, v.lastModified, acceptRanges
	case o.Size >= 0:
		h["Content-Length"] = []string{strconv.FormatInt(o.Size, 10)}
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	_, err := io.Copy(w, o.Body)
	w.note(0, err)
}

var acceptRanges = []string{"bytes"}

// conditional reports whether a request asks for less than the whole file
// whatever it is.
func conditional(h http.Header) bool {
	return h["Range"] != nil || h["If-None-Match"] != nil || h["If-Modified-Since"] != nil ||
		h["If-Match"] != nil || h["If-Unmodified-Since"] != nil || h["If-Range"] != nil
}

// cacheControl says for how long others may keep an answer, and whether they
// may give it to somebody else: not if we ask for a password, or a hook each time.
func (g *Gateway) cacheControl(age string) []string {
	if g.User != "" || g.Policy.Hook != nil {
		return []string{"private, " + age}
	}
	if age == immutable {
		return publicImmutable
	}
	return []string{"public, " + age}
}

var publicImmutable = []string{"public, " + immutable}
