package external

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// A Handler serves the protocol from a store. It takes names escaped and as they
// are, and the parts of a save in any order. It checks the form of what is
// saved; the content is the store's to check.
//
// Fill in the exported fields before first use. To serve below a path, wrap it in
// [http.StripPrefix].
type Handler struct {
	Store tiers.Store

	// User and Pass are those of basic authentication; both empty for none.
	User, Pass string

	// SpoolDir is where a zip is written while it arrives: one file for each
	// save under way, which ends with it. Empty is [os.TempDir].
	SpoolDir string

	// MaxZip is the largest zip taken, in bytes. 0 is 500 MiB, the go
	// command's limit.
	MaxZip int64

	// Stall is how long a client may send or take next to nothing before it is
	// cut off. 0 is a minute.
	Stall time.Duration

	Log *slog.Logger // of answers of 500 and above; nil is slog.Default
}

func (h *Handler) maxZip() int64        { return cmp.Or(h.MaxZip, 500<<20) }
func (h *Handler) stall() time.Duration { return cmp.Or(h.Stall, time.Minute) }

// A refusal is an answer other than 200 that is the request's own doing.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.serve(w, r); err != nil {
		h.fail(w, r, err)
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error {
	if !h.admits(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="modtier", charset="UTF-8"`)
		return refuse(http.StatusUnauthorized, "a user and a password are needed")
	}
	if r.URL.Path == "/catalog" {
		if err := only(w, r, http.MethodGet); err != nil {
			return err
		}
		return h.catalog(w, r)
	}
	t, err := parsePath(r.URL.Path)
	if err != nil {
		return refuse(http.StatusNotFound, "%v", err)
	}
	method := http.MethodGet
	switch t.action {
	case "save":
		method = http.MethodPost
	case "delete":
		method = http.MethodDelete
	}
	if err := only(w, r, method); err != nil {
		return err
	}
	switch t.action {
	case "list":
		return h.list(w, r, t.v.Path)
	case "info":
		return h.file(w, r, tiers.Ref{Path: t.v.Path, Version: t.v.Version, Kind: tiers.Info}, "application/json")
	case "mod":
		return h.file(w, r, tiers.Ref{Path: t.v.Path, Version: t.v.Version, Kind: tiers.Mod}, "text/plain; charset=utf-8")
	case "zip":
		return h.file(w, r, tiers.Ref{Path: t.v.Path, Version: t.v.Version, Kind: tiers.Zip}, "application/zip")
	case "save":
		return h.save(w, r, t.v)
	}
	return h.delete(w, r, t.v)
}

func (h *Handler) admits(r *http.Request) bool {
	if h.User == "" && h.Pass == "" {
		return true
	}
	user, pass, _ := r.BasicAuth()
	// Hashes have one length, so the comparison tells nothing of the secret's.
	u, wantU := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(h.User))
	p, wantP := sha256.Sum256([]byte(pass)), sha256.Sum256([]byte(h.Pass))
	return subtle.ConstantTimeCompare(u[:], wantU[:])&subtle.ConstantTimeCompare(p[:], wantP[:]) == 1
}

func only(w http.ResponseWriter, r *http.Request, method string) error {
	if r.Method == method {
		return nil
	}
	w.Header().Set("Allow", method)
	return refuse(http.StatusMethodNotAllowed, "%s is all that can be done there", method)
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request, path string) error {
	vs, err := h.Store.Versions(r.Context(), path)
	if err != nil {
		return absentNever(err)
	}
	h.answer(w, http.StatusOK, "text/plain; charset=utf-8", strings.Join(vs, "\n"))
	return nil
}

func (h *Handler) save(w http.ResponseWriter, r *http.Request, v module.Version) error {
	u, err := h.receive(w, r)
	if err != nil {
		return err
	}
	defer u.discard()
	if err := h.Store.Save(r.Context(), v, u.files); err != nil {
		if errors.Is(err, tiers.ErrCorrupt) {
			return refuse(http.StatusBadRequest, "%v", err)
		}
		return absentNever(err)
	}
	h.answer(w, http.StatusOK, "", "")
	return nil
}

func (h *Handler) delete(w http.ResponseWriter, r *http.Request, v module.Version) error {
	if err := h.Store.Delete(r.Context(), v); err != nil {
		return err
	}
	h.answer(w, http.StatusOK, "", "")
	return nil
}

func (h *Handler) catalog(w http.ResponseWriter, r *http.Request) error {
	n := 1000 // Athens' default
	if s := r.URL.Query().Get("pagesize"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 1 {
			return refuse(http.StatusBadRequest, "pagesize: %q is no number from 1", s)
		}
	}
	vs, next, err := h.Store.Catalog(r.Context(), r.URL.Query().Get("token"), min(n, maxPage))
	if err != nil {
		return absentNever(err)
	}
	p := page{Modules: make([]entry, len(vs)), Next: next}
	for i, v := range vs {
		p.Modules[i] = entry{v.Path, v.Version}
	}
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	h.answer(w, http.StatusOK, "application/json", string(b))
	return nil
}

// absentNever rewords an absence where nobody asked whether something is there:
// what is missing then is a part of the store.
func absentNever(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New(err.Error())
	}
	return err
}
