package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/tlog"
)

// sumdb answers for a checksum database (https://go.dev/ref/mod#checksum-database).
// Tiles and lookups never change and are kept as notes, so that a build that
// once passed passes again without the database. The go command verifies what
// it reads from here against the database's key; the gateway need not be
// believed, and checks no more than the form.
func (g *Gateway) sumdb(w *response, r *http.Request) {
	w.kind = "sumdb"
	path := strings.TrimPrefix(r.URL.Path, g.Prefix+"/sumdb/")
	name, rest, _ := strings.Cut(path, "/")
	if !slices.Contains(g.SumDBs, name) {
		w.text(http.StatusNotFound, "this gateway does not serve the checksum database "+strconv.Quote(name))
		return
	}
	w.module, w.version = name, rest
	if rest == "supported" {
		w.Header()["Cache-Control"] = g.cacheControl("max-age=" + seconds(g.Times.Fresh))
		w.text(http.StatusOK, "")
		return
	}
	if rest == "latest" {
		a, err := g.askSumDB(r.Context(), "sumdb "+name, name, rest)
		g.sendSumDB(w, r, a, err)
		return
	}
	f, err := parseSumDB(rest)
	if err != nil {
		w.text(http.StatusNotFound, "bad path: "+err.Error())
		return
	}
	if f.module != "" && module.MatchPrefixPatterns(strings.Join(g.NoSumPatterns, ","), f.module) {
		w.text(http.StatusForbidden, "module "+f.module+" matches NoSumPatterns and is not looked up in a checksum database")
		return
	}
	note := "sumdb/" + name + "/" + f.note
	b, written, err := g.Notes.ReadNote(note)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		g.Log.Warn("reading what a checksum database said before", "err", err) // it is asked anew
	}
	if b, ok := f.cut(b); err == nil && ok {
		g.count("sumdb", fresh, nil)
		w.servedBy = "notes"
		h := w.Header()
		h["Content-Type"] = textPlain
		h["Cache-Control"] = g.cacheControl(immutable)
		h["Cache-Status"] = notesHit
		h["Etag"] = []string{contentTag(b)}
		http.ServeContent(w, r, "", written, bytes.NewReader(b))
		w.finish()
		return
	}
	a, err := g.askSumDB(r.Context(), "/sumdb/"+name+"/"+rest, name, rest)
	if err == nil && a.absent == nil {
		if body, ok := f.cut(a.body); !ok || len(body) != len(a.body) {
			err = fmt.Errorf("the checksum database %s sent something else than %s", name, rest)
		} else if err := g.Notes.WriteNote(note, a.body); err != nil {
			g.Log.Warn("what a checksum database said is not kept", "err", err)
		}
	}
	g.sendSumDB(w, r, a, err)
}

var notesHit = []string{"notes; hit"}

// askSumDB asks the database, or the answer cache if it has just been asked.
func (g *Gateway) askSumDB(ctx context.Context, key, name, rest string) (given, error) {
	if g.Upstream == nil {
		return given{}, fs.ErrNotExist
	}
	return g.answers.get(ctx, key, func(ctx context.Context) ([]byte, error) {
		return g.Upstream.SumDB(ctx, name, rest)
	})
}

func (g *Gateway) sendSumDB(w *response, r *http.Request, a given, err error) {
	g.count("sumdb", a.state, err)
	if err != nil {
		w.Header().Set("Cache-Status", "notes; fwd=uri-miss")
		g.fail(w, r, err)
		return
	}
	g.sendAnswer(w, r, a, "sumdb")
}

// A sumdbFile is a file of a checksum database that never changes.
type sumdbFile struct {
	note   string // under which it is kept
	module string // of a lookup
	width  int    // of a hash tile, in hashes
}

// parseSumDB reads the path of a lookup or a tile.
func parseSumDB(path string) (sumdbFile, error) {
	if strings.HasPrefix(path, "tile/") {
		t, err := tlog.ParseTilePath(path)
		if err != nil {
			return sumdbFile{}, err
		}
		if t.L == -1 {
			return sumdbFile{note: path}, nil // records, whose widths are not those of hashes
		}
		// Partial tiles are the beginnings of the full one. The widest that
		// was seen is kept, and serves all that are narrower.
		width := t.W
		t.W = 1 << t.H
		return sumdbFile{note: t.Path(), width: width}, nil
	}
	escaped, ok := strings.CutPrefix(path, "lookup/")
	mod, version, at := strings.Cut(escaped, "@")
	if !ok || !at {
		return sumdbFile{}, errors.New("a checksum database has /supported, /latest, /lookup/MODULE@VERSION and /tile/")
	}
	p, err := module.UnescapePath(mod)
	if err != nil {
		return sumdbFile{}, err
	}
	v, err := module.UnescapeVersion(version)
	if err != nil {
		return sumdbFile{}, err
	}
	if !canonical(p, v) {
		return sumdbFile{}, fmt.Errorf("module %s: %q is not a canonical version", p, v)
	}
	return sumdbFile{note: path, module: p}, nil
}

// cut returns f's part of a note, and whether the note has it all.
func (f sumdbFile) cut(note []byte) ([]byte, bool) {
	switch {
	case f.width > 0:
		n := f.width * tlog.HashSize
		if len(note) < n {
			return nil, false
		}
		return note[:n], true
	case f.module != "":
		// A record's number, the go.sum lines, and a signed tree head.
		id, _, ok := bytes.Cut(note, []byte("\n"))
		_, err := strconv.ParseInt(string(id), 10, 64)
		return note, ok && err == nil && bytes.Contains(note, []byte("\n\n")) && bytes.Contains(note, []byte(f.module+" "))
	}
	return note, len(note) > 0
}
