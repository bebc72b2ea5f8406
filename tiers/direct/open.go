package direct

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// Files are what one command brought of a version. Nobody changes them.
type files struct {
	info, mod []byte
	zip       string // the name of a file; "" if no zip was asked for
}

// Open fetches the version that r's file belongs to. The info and the go.mod come
// without the zip, which is made only when it is asked for; the other files that a
// fetch brought are at hand for a while, so that asking for all three of them, by
// however many at once, is one fetch, or two if the zip is not the first.
func (f *Fetcher) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	if err := f.open(); err != nil {
		return nil, lost(err)
	}
	if err := check(r.Path, r.Version); err != nil {
		return nil, err
	}
	if at := f.results.get(r.Module()); at != nil {
		if o, err := at.open(r.Kind); err == nil {
			return o, nil
		} // else its time was up just now
	}
	at, err := f.fetch(ctx, r)
	if err != nil {
		return nil, err
	}
	o, err := at.open(r.Kind)
	if err != nil {
		return nil, lost(err)
	}
	return o, nil
}

var errNoZip = errors.New("no zip was fetched")

func (at *files) open(k tiers.Kind) (*tiers.Object, error) {
	switch {
	case k == tiers.Info:
		return tiers.NewObject(at.info, time.Time{}, "upstream"), nil
	case k == tiers.Mod:
		return tiers.NewObject(at.mod, time.Time{}, "upstream"), nil
	case at.zip == "":
		return nil, errNoZip
	}
	file, err := os.Open(at.zip)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &tiers.Object{Body: file, Size: info.Size(), Tier: "upstream"}, nil
}

// fetch fetches what r's file needs. Who needs a small file of a version the zip of
// which is being fetched waits for that one; if there can be no zip, as of a module
// that needs a newer go command, there may be the small files all the same.
func (f *Fetcher) fetch(ctx context.Context, r tiers.Ref) (*files, error) {
	v := r.Module()
	whole := v.String() + ".zip"
	if r.Kind == tiers.Zip {
		return f.fetches.do(ctx, f, whole, func(ctx context.Context) (*files, error) { return f.fetchZip(ctx, v) })
	}
	if at, err, joined := f.fetches.join(ctx, whole); joined && (err == nil || ctx.Err() != nil) {
		return at, err
	}
	return f.fetches.do(ctx, f, v.String(), func(ctx context.Context) (*files, error) { return f.fetchMod(ctx, v) })
}

// fetchMod fetches the info and the go.mod of v.
func (f *Fetcher) fetchMod(ctx context.Context, v module.Version) (*files, error) {
	if at := f.results.get(v); at != nil {
		return at, nil
	}
	at := new(files)
	err := f.ask(ctx, question{
		path: v.Path, wait: true,
		args:   []string{"list", "-m", "-e", "-json", "--", v.String()},
		answer: func(r *room, said *report) error { return f.take(at, r, v, said) },
	})
	if err != nil {
		return nil, err
	}
	f.results.put(v, at)
	return at, nil
}

// fetchZip fetches all files of v.
func (f *Fetcher) fetchZip(ctx context.Context, v module.Version) (*files, error) {
	if at := f.results.get(v); at != nil && at.zip != "" {
		return at, nil
	}
	at := new(files)
	err := f.ask(ctx, question{
		path: v.Path, wait: true,
		args:   []string{"mod", "download", "-json", "--", v.String()},
		before: func(r *room) error { return leaveZipped(r, v) },
		answer: func(r *room, said *report) error {
			if err := f.take(at, r, v, said); err != nil {
				return err
			}
			return f.takeZip(at, r, v)
		},
	})
	if err != nil {
		return nil, err
	}
	f.results.put(v, at)
	return at, nil
}

// leaveZipped keeps the go command from extracting the zip, for which it has no
// switch: it takes a directory that is there for one that it extracted before.
// If it should not do so one day, it extracts, and the tree goes with the room.
func leaveZipped(r *room, v module.Version) error {
	path, err := module.EscapePath(v.Path)
	if err != nil {
		return err
	}
	version, err := module.EscapeVersion(v.Version)
	if err != nil {
		return err
	}
	return os.MkdirAll(r.path("mod", filepath.FromSlash(path)+"@"+version), 0o700)
}

// take reads the small files of v.
func (f *Fetcher) take(at *files, r *room, v module.Version, said *report) (err error) {
	if said.Version != v.Version {
		return &tiers.AbsentError{Text: fmt.Sprintf("%s resolves to version %s", v, said.Version)}
	}
	if at.info, err = r.read(v, ".info"); err != nil {
		return lost(err)
	}
	if at.mod, err = r.read(v, ".mod"); err != nil {
		return lost(err)
	}
	return nil
}

// takeZip moves the zip of v out of the room.
func (f *Fetcher) takeZip(at *files, r *room, v module.Version) error {
	name, err := r.cached(v, ".zip")
	if err != nil {
		return lost(err)
	}
	dir := filepath.Join(f.place.dir, "zips")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return lost(err)
	}
	if at.zip != "" {
		os.Remove(at.zip) // from a clone that was broken
	}
	to := filepath.Join(dir, filepath.Base(r.dir)+".zip")
	if err := os.Rename(name, to); err != nil {
		return lost(err)
	}
	at.zip = to
	return nil
}
