package direct

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// A report is what the go command says of one module, in JSON.
type report struct {
	Path, Version string
	Versions      []string
	Error         reason
	Origin        struct{ Subdir string }
}

// A reason is why the go command could not: a string from go mod download, an
// object from go list.
type reason string

func (r *reason) UnmarshalJSON(b []byte) error {
	var object struct{ Err string }
	if json.Unmarshal(b, &object) == nil {
		*r = reason(object.Err)
		return nil
	}
	return json.Unmarshal(b, (*string)(r))
}

// A question is one for the go command.
type question struct {
	path   string
	args   []string
	wait   bool                       // for the clone, if another command has it
	before func(*room) error          // nil, or what makes the room fit
	answer func(*room, *report) error // takes from the room what is wanted
}

// ask asks the go command. A clone that turns out to be broken is thrown away, and
// the question asked again, whatever the answer was: the go command takes what it
// cannot read there for something that does not exist.
func (f *Fetcher) ask(ctx context.Context, q question) error {
	l, err := f.shelf.borrow(ctx, q.path, q.wait)
	if err != nil {
		return lost(err)
	}
	defer l.back()
	had := l != nil && l.clone != nil
	sound, err := f.askIn(ctx, q, l)
	if !had || ctx.Err() != nil || sound && !isBroken(err) {
		return err
	}
	f.log.Warn("direct: a clone was broken and is fetched anew", "module", q.path, "err", err)
	l.drop()
	_, err = f.askIn(ctx, q, l)
	return err
}

func isBroken(err error) bool {
	e, ok := errors.AsType[*tiers.UpstreamError](err)
	return ok && broken.MatchString(e.Error())
}

// askIn asks in a room of its own. It returns whether the clone that was lent has
// come back as well.
func (f *Fetcher) askIn(ctx context.Context, q question, l *loan) (sound bool, err error) {
	r, err := f.enter()
	if err != nil {
		return true, lost(err)
	}
	defer r.leave()
	if q.before != nil {
		if err := q.before(r); err != nil {
			return true, lost(err)
		}
	}
	if err := l.take(r.vcs()); err != nil {
		return false, lost(err)
	}
	said, err := f.report(ctx, r, q.args)
	if err == nil {
		err = q.answer(r, said)
	}
	return f.putBack(ctx, r, l, q.path, said, err), err
}

// report runs the go command and returns what it says, with the error that this
// amounts to.
func (f *Fetcher) report(ctx context.Context, r *room, args []string) (*report, error) {
	out, err := f.goCommand(ctx, r, args...)
	said := new(report)
	if e, ok := errors.AsType[*failure](err); ok {
		return said, f.verdict(e.text)
	}
	if err != nil {
		return said, lost(err)
	}
	if err := json.Unmarshal(out, said); err != nil {
		return said, lost(err)
	}
	if said.Error != "" {
		return said, f.verdict(string(said.Error))
	}
	return said, nil
}

// putBack keeps the clones in r that are worth it. It returns whether the one that
// was lent is among them.
func (f *Fetcher) putBack(ctx context.Context, r *room, l *loan, path string, said *report, asked error) bool {
	if l == nil {
		return true // whoever has the clone brings a better one
	}
	killed := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	infos, _ := filepath.Glob(filepath.Join(r.vcs(), "*.info"))
	returned := false
	for _, name := range infos {
		dir := strings.TrimSuffix(name, ".info")
		key, root := filepath.Base(dir), rootOf(path, said.Origin.Subdir)
		own := l.clone != nil && l.clone.key == key
		info, err := readBounded(name, 64<<10)
		// The tags of other systems than git cannot be put away, and a first
		// fetch that was killed has nothing.
		if err != nil || !strings.HasPrefix(string(info), "git") || killed && !own {
			continue
		}
		if own && (asked != nil || len(infos) > 1) {
			root = "" // there is no telling whether it is the module's
		}
		if err = f.putAway(ctx, r, dir); err == nil {
			err = l.keep(dir, key, string(info), root)
		}
		if err != nil {
			f.log.Warn("direct: a clone is not kept", "module", path, "err", f.clean(err.Error()))
		}
		returned = returned || own && err == nil
	}
	if !returned {
		l.drop()
	}
	return returned
}

// rootOf returns the module path that the root of a repository has, or would have,
// in which path is that of the module in subdir.
func rootOf(path, subdir string) string {
	if prefix, major, ok := module.SplitPathVersion(path); ok && strings.HasPrefix(major, "/") {
		path = prefix
	}
	if subdir != "" {
		path = strings.TrimSuffix(path, "/"+subdir)
	}
	return path
}

// cached returns the name of a file that the go command left in r.
func (r *room) cached(v module.Version, ext string) (string, error) {
	path, err := module.EscapePath(v.Path)
	if err != nil {
		return "", err
	}
	version, err := module.EscapeVersion(v.Version)
	return r.path("mod", "cache", "download", filepath.FromSlash(path), "@v", version+ext), err
}

// read reads a small file that the go command left in r.
func (r *room) read(v module.Version, ext string) ([]byte, error) {
	name, err := r.cached(v, ext)
	if err != nil {
		return nil, err
	}
	return readBounded(name, maxSmall)
}

const maxSmall = 16 << 20 // the go command's own limit for a go.mod
