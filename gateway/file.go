package gateway

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

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
	if r.URL.RawPath != "" && strings.Contains(strings.ToLower(r.URL.RawPath), "%2f") {
		w.text(http.StatusNotFound, "bad path: an encoded slash separates nothing and belongs to no name")
		return
	}
	q, err := parse(path)
	if err != nil {
		w.text(http.StatusNotFound, "bad path: "+err.Error())
		return
	}
	w.kind, w.module, w.version = q.kind, q.path, q.version
	switch q.kind {
	case "list", "latest", "query":
		g.mutable(w, r, q, heldOnly)
	default:
		source := g.Files
		if heldOnly {
			source = g.Held
		}
		g.file(w, r, q.ref(), source)
	}
}

// file answers with one file of a version.
func (g *Gateway) file(w *response, r *http.Request, ref tiers.Ref, source tiers.Source) {
	o, err := source.Open(r.Context(), ref)
	if err != nil {
		g.missing(w, r, err)
		return
	}
	defer o.Body.Close()
	w.servedBy = o.Tier
	h := w.Header()
	h["Content-Type"] = contentTypes[ref.Kind]
	h["Cache-Control"] = g.cacheControl(immutable)
	h["Cache-Status"] = g.statuses[fileStatus{o.Tier, ref.Kind == tiers.Zip, o.Collapsed}]
	if o.Size >= 0 && !o.ModTime.IsZero() {
		h["Etag"] = []string{etag(o.Size, o.ModTime)}
	}
	g.send(w, r, o)
	w.finish()
}

// send writes the body of o, or the part of it that r asks for.
func (g *Gateway) send(w *response, r *http.Request, o *tiers.Object) {
	_, onDisk := o.Body.(*os.File)
	body, seeks := o.Body.(io.ReadSeeker)
	if o.Size >= 0 && seeks && (onDisk || conditional(r.Header)) {
		http.ServeContent(w, r, "", o.ModTime, body) // with sendfile, if it is a file
		return
	}
	h := w.Header()
	if o.Size >= 0 {
		h["Content-Length"] = []string{strconv.FormatInt(o.Size, 10)}
		h["Accept-Ranges"] = acceptRanges
		if !o.ModTime.IsZero() {
			h["Last-Modified"] = []string{o.ModTime.UTC().Format(http.TimeFormat)}
		}
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

// etag tells one copy of a file from another. Two fetches of a version may give
// zips of equal meaning and different bytes, so its name alone would not do.
func etag(size int64, modTime time.Time) string {
	b := make([]byte, 0, 32)
	b = append(b, '"')
	b = strconv.AppendInt(b, modTime.UnixMicro(), 36)
	b = append(b, '-')
	b = strconv.AppendInt(b, size, 36)
	return string(append(b, '"'))
}

// cacheControl says for how long others may keep an answer, and whether they
// may give it to somebody else: not if we ask for a password.
func (g *Gateway) cacheControl(age string) []string {
	if g.User != "" {
		return []string{"private, " + age}
	}
	if age == immutable {
		return publicImmutable
	}
	return []string{"public, " + age}
}

var publicImmutable = []string{"public, " + immutable}
