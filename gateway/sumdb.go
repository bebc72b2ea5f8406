package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/modtier/modtier/tiers"
)

// sumdb answers for a checksum database (https://go.dev/ref/mod#checksum-database).
// Tiles and lookups never change and are kept as notes, so that a build that
// once passed passes again without the database. The go command verifies what
// it reads from here against the database's key; the gateway need not be
// believed, and checks no more than the form.
func (g *Gateway) sumdb(w *response, r *http.Request) {
	w.kind = "sumdb"
	path := strings.TrimPrefix(r.URL.Path, g.Prefix+"/sumdb/")
	name, rest := g.sumDBOf(path)
	if name == "" {
		w.text(http.StatusNotFound, "this gateway does not serve the checksum database "+strconv.Quote(strings.TrimSuffix(path, "/supported")))
		return
	}
	w.module, w.version = name, rest
	if rest == "supported" {
		w.Header()["Cache-Control"] = g.cacheControl("max-age=" + seconds(g.Times.Fresh))
		w.text(http.StatusOK, "")
		return
	}
	if rest == "latest" {
		a, err := g.askSumDB(r.Context(), "sumdb "+name, name, rest, func(b []byte) error {
			if _, err := tlog.ParseTree(b); err != nil {
				return notThat(name, rest)
			}
			return nil
		})
		g.sendSumDB(w, r, a, err, "answers; fwd=miss")
		return
	}
	f, err := parseSumDB(rest)
	if err != nil {
		w.text(http.StatusNotFound, "bad path: "+err.Error())
		return
	}
	if f.version.Path != "" && module.MatchPrefixPatterns(strings.Join(g.NoSumPatterns, ","), f.version.Path) {
		w.text(http.StatusForbidden, "module "+f.version.Path+" matches NoSumPatterns and is not looked up in a checksum database")
		return
	}
	note := "sumdb/" + name + "/" + f.note
	if b, written, ok := g.noted(note); ok {
		if b, ok := f.cut(b); ok {
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
	}
	a, err := g.askSumDB(r.Context(), "/sumdb/"+name+"/"+rest, name, rest, func(b []byte) error {
		if whole, ok := f.cut(b); !ok || len(whole) != len(b) {
			return notThat(name, rest)
		}
		g.note(note, f, b)
		return nil
	})
	g.sendSumDB(w, r, a, err, "notes; fwd=uri-miss")
}

var notesHit = []string{"notes; hit"}

// notThat is the error of a database whose answer has not the form it must have,
// such as a page that asks people to log in.
func notThat(name, rest string) error {
	return fmt.Errorf("the checksum database %s sent something else than %s: %w", name, rest, tiers.ErrCorrupt)
}

// sumDBOf returns which of the databases path begins with, and the rest of it;
// or "" if none. A name is a host, and perhaps a path.
func (g *Gateway) sumDBOf(path string) (name, rest string) {
	for _, db := range g.SumDBs {
		if after, ok := strings.CutPrefix(path, db+"/"); ok && len(db) > len(name) {
			name, rest = db, after
		}
	}
	return name, rest
}

// askSumDB asks the database, or the answer cache if it has just been asked.
// What keep has an error for is no answer.
func (g *Gateway) askSumDB(ctx context.Context, key, name, rest string, keep func([]byte) error) (given, error) {
	if g.Upstream == nil {
		if known := g.answers.lookup(key); known != nil && known.absent == nil {
			return given{answer: known, state: stale}, nil
		}
		return given{}, fs.ErrNotExist
	}
	return g.answers.get(ctx, key, func(ctx context.Context) ([]byte, error) {
		b, err := g.Upstream.SumDB(ctx, name, rest)
		if err == nil {
			err = keep(b)
		}
		return b, err
	})
}

// noted returns a note and when it was written, if there is one and it is whole.
func (g *Gateway) noted(name string) (b []byte, written time.Time, ok bool) {
	b, written, err := g.Notes.ReadNote(name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			g.Log.Warn("reading what a checksum database said before", "err", err) // it is asked anew
		}
		return nil, time.Time{}, false
	}
	b, ok = unseal(name, b)
	return b, written, ok
}

// note keeps what a database said, unless it is less than what is kept.
func (g *Gateway) note(name string, f sumdbFile, b []byte) {
	if f.width > 0 {
		// Of two requests for a tile, the wider may have been answered first.
		// Tiles are few and written once: the lock is held over files for long
		// only where a disk is slow.
		g.tiles.Lock()
		defer g.tiles.Unlock()
		if kept, _, ok := g.noted(name); ok && len(kept) >= len(b) {
			return
		}
	}
	if err := g.Notes.WriteNote(name, seal(name, b)); err != nil {
		g.Log.Warn("what a checksum database said is not kept", "err", err)
	}
}

func (g *Gateway) sendSumDB(w *response, r *http.Request, a given, err error, status string) {
	g.count("sumdb", a.state, err)
	if err != nil {
		w.Header().Set("Cache-Status", status)
		g.fail(w, r, err)
		return
	}
	g.sendAnswer(w, r, a, "sumdb")
}

// A sumdbFile is a file of a checksum database that never changes.
type sumdbFile struct {
	note    string         // under which it is kept
	version module.Version // of a lookup
	width   int            // of a hash tile, in hashes
	records int            // of a data tile
}

// parseSumDB reads the path of a lookup or a tile.
func parseSumDB(path string) (sumdbFile, error) {
	if strings.HasPrefix(path, "tile/") {
		t, err := tlog.ParseTilePath(path)
		if err != nil {
			return sumdbFile{}, err
		}
		if t.L == -1 {
			return sumdbFile{note: path, records: t.W}, nil
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
	return sumdbFile{note: path, version: module.Version{Path: p, Version: v}}, nil
}

// cut returns f's part of what is kept or was sent, and whether that has it all.
func (f sumdbFile) cut(b []byte) ([]byte, bool) {
	switch {
	case f.width > 0:
		n := f.width * tlog.HashSize
		if len(b) < n {
			return nil, false
		}
		return b[:n], true
	case f.records > 0:
		// Each record ends with an empty line, and has no other.
		return b, bytes.Count(b, []byte("\n\n")) == f.records && bytes.HasSuffix(b, []byte("\n\n"))
	}
	// The record's number, the go.sum lines, and a signed tree head.
	_, lines, signed, err := tlog.ParseRecord(b)
	if err == nil {
		_, err = tlog.ParseTree(signed)
	}
	return b, err == nil && bytes.Contains(lines, []byte(f.version.Path+" "+f.version.Version))
}
