package tiers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/mod/module"
)

// Save keeps the files of v as one.
func (d *Disk) Save(ctx context.Context, v module.Version, f Files) error {
	now := time.Now()
	zip, err := d.stage(ctx, Ref{v.Path, v.Version, Zip}, f.Zip)
	if err != nil {
		return err
	}
	defer zip.discard()
	mod, err := d.stage(ctx, Ref{v.Path, v.Version, Mod}, section(f.Mod))
	if err != nil {
		return err
	}
	defer mod.discard()
	if zip == nil {
		return d.adopt(mod, Ref{v.Path, v.Version, Mod}, int64(len(f.Mod)), now)
	}
	info, err := d.stage(ctx, Ref{v.Path, v.Version, Info}, section(f.Info))
	if err != nil {
		return err
	}
	defer info.discard()

	mu := &d.saving[maphash.Comparable(d.seed, v)%uint64(len(d.saving))]
	mu.Lock()
	defer mu.Unlock()
	if err := d.adopt(zip, Ref{v.Path, v.Version, Zip}, f.Zip.Size(), now); err != nil {
		return err
	}
	if err := d.adopt(mod, Ref{v.Path, v.Version, Mod}, int64(len(f.Mod)), now); err != nil {
		return err
	}
	return d.adopt(info, Ref{v.Path, v.Version, Info}, int64(len(f.Info)), now)
}

func section(b []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))
}

// stage writes a file to a spool, whole and checked. Without a body it returns
// nil, which discards as nothing.
func (d *Disk) stage(ctx context.Context, r Ref, body *io.SectionReader) (*spool, error) {
	if body == nil {
		return nil, nil
	}
	fail := func(err error) (*spool, error) { return nil, fmt.Errorf("disk: save %s: %w", r, err) }
	s, err := d.newSpool(body.Size())
	if err != nil {
		return fail(err)
	}
	n, err := io.Copy(s, &ctxReader{ctx, io.NewSectionReader(body, 0, body.Size())})
	if err == nil && n != body.Size() {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = checkSound(r, s.file, n)
	}
	if err != nil {
		s.discard()
		return fail(err)
	}
	return s, nil
}

// A ctxReader stops reading when ctx is done.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// Versions lists the versions of which all three files are here. Athens counts
// the entries of a version's directory; we look for the names, so that a stray
// file hides nothing.
func (d *Disk) Versions(ctx context.Context, modPath string) ([]string, error) {
	dir := d.layout.dir(module.Version{Path: modPath})
	entries, err := fs.ReadDir(d.root.FS(), dir)
	if err != nil {
		if cannotExist(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("disk: versions of %s: %w", modPath, err)
	}
	var vs []string
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !e.IsDir() || !strings.HasPrefix(e.Name(), "v") {
			continue
		}
		v, ok := d.layout.parseDir(dir + "/" + e.Name())
		if !ok {
			continue
		}
		whole, err := d.whole(v)
		if err != nil {
			return nil, fmt.Errorf("disk: versions of %s: %w", modPath, err)
		}
		if whole {
			vs = append(vs, v.Version)
		}
	}
	return vs, nil
}

// whole reports whether v has its three files, none of them empty.
func (d *Disk) whole(v module.Version) (bool, error) {
	for _, k := range []Kind{Zip, Mod, Info} {
		info, err := d.root.Lstat(d.layout.name(Ref{v.Path, v.Version, k}))
		if err != nil {
			if cannotExist(err) {
				return false, nil
			}
			return false, err
		}
		if !info.Mode().IsRegular() || info.Size() == 0 {
			return false, nil
		}
	}
	return true, nil
}

// Catalog lists whole versions in the order of their directories' names. The
// token is the directory of the last one.
func (d *Disk) Catalog(ctx context.Context, token string, n int) (vs []module.Version, next string, err error) {
	if token != "" {
		if _, ok := d.layout.parseDir(token); !ok {
			return nil, "", fmt.Errorf("disk: catalog: %w: %q", ErrToken, token)
		}
	}
	if n < 1 {
		return nil, "", fmt.Errorf("disk: catalog: a page of %d versions", n)
	}
	errFull := errors.New("full")
	err = fs.WalkDir(d.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			if name != "." && cannotExist(err) {
				return nil // evicted meanwhile
			}
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case name == ".":
			return nil
		case !e.IsDir():
			return nil
		case foreign(name), name == ownDir, before(name, token):
			return fs.SkipDir
		}
		if name == token || strings.HasPrefix(token, name+"/") {
			return nil // listed before what lies within it
		}
		v, ok := d.layout.parseDir(name)
		if !ok {
			return nil
		}
		whole, err := d.whole(v)
		if err != nil || !whole {
			return err
		}
		if len(vs) == n {
			return errFull
		}
		vs = append(vs, v)
		return nil
	})
	switch {
	case err == errFull:
		return vs, d.layout.dir(vs[n-1]), nil
	case err != nil:
		return nil, "", fmt.Errorf("disk: catalog: %w", err)
	}
	return vs, "", nil
}

// before reports whether a walk has left directory name, and all below it,
// behind once it has come to token.
func before(name, token string) bool {
	for name != "" && token != "" {
		n, rest, _ := strings.Cut(name, "/")
		t, trest, _ := strings.Cut(token, "/")
		if n != t {
			return n < t
		}
		name, token = rest, trest
	}
	return false // one lies within the other
}
