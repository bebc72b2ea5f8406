package tiers

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

// A zipFile is a zip in the form that the go command takes.
type zipFile struct {
	*zip.Reader
	v    module.Version
	from *reading
}

// openZip opens the zip of v and checks it by the rules of [modzip.CheckZip],
// which itself takes none but a named file.
func openZip(ctx context.Context, v module.Version, f *io.SectionReader) (*zipFile, error) {
	z := &zipFile{v: v, from: &reading{ctx: ctx, f: f}}
	if f.Size() > modzip.MaxZipFile {
		return nil, z.corrupt(fmt.Errorf("%d bytes, the limit is %d", f.Size(), int64(modzip.MaxZipFile)))
	}
	var err error
	if z.Reader, err = zip.NewReader(z.from, f.Size()); err != nil {
		return nil, z.corrupt(err)
	}
	if err := z.checkNames(); err != nil {
		return nil, z.corrupt(err)
	}
	return z, nil
}

// corrupt returns what err, which came of reading the zip, means: nothing if the
// file could not be read.
func (z *zipFile) corrupt(err error) error {
	r := Ref{z.v.Path, z.v.Version, Zip}
	if z.from.err != nil {
		return fmt.Errorf("verify %s: %w", r, z.from.err)
	}
	return fmt.Errorf("%w: %s: %v", ErrCorrupt, r, err)
}

func (z *zipFile) prefix() string { return z.v.Path + "@" + z.v.Version + "/" }

func (z *zipFile) checkNames() error {
	taken := make(names)
	left := uint64(modzip.MaxZipFile)
	for _, f := range z.File {
		name, ok := strings.CutPrefix(f.Name, z.prefix())
		if !ok {
			return fmt.Errorf("%q is not below %s", f.Name, z.prefix())
		}
		if name == "" {
			continue
		}
		name, isDir := strings.CutSuffix(name, "/")
		if path.Clean(name) != name {
			return fmt.Errorf("%q is no clean path", f.Name)
		}
		if err := module.CheckFilePath(name); err != nil {
			return err
		}
		if err := taken.take(name, isDir); err != nil {
			return err
		}
		if isDir {
			continue
		}
		if strings.EqualFold(path.Base(name), "go.mod") && name != "go.mod" {
			return fmt.Errorf("%q: a go.mod is in the root only, and in lower case", f.Name)
		}
		if f.UncompressedSize64 > left {
			return fmt.Errorf("more than %d bytes unpacked", int64(modzip.MaxZipFile))
		}
		left -= f.UncompressedSize64
		if name == "go.mod" && f.UncompressedSize64 > modzip.MaxGoMod || name == "LICENSE" && f.UncompressedSize64 > modzip.MaxLICENSE {
			return fmt.Errorf("%q: %d bytes", f.Name, f.UncompressedSize64)
		}
	}
	return nil
}

// hash returns what go.sum has for the zip: the hash that dirhash.HashZip gives,
// which takes a named file too. It reads everything, so that a content that does
// not fit its own checksum is found.
func (z *zipFile) hash() (string, error) {
	files := make(map[string]*zip.File, len(z.File))
	list := make([]string, len(z.File))
	for i, f := range z.File {
		files[f.Name], list[i] = f, f.Name
	}
	h, err := dirhash.Hash1(list, func(name string) (io.ReadCloser, error) { return files[name].Open() })
	if err != nil {
		return "", z.corrupt(err)
	}
	return h, nil
}

// mod returns the go.mod in the root, or nil if there is none.
func (z *zipFile) mod() ([]byte, error) {
	for _, f := range z.File {
		if f.Name != z.prefix()+"go.mod" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, z.corrupt(err)
		}
		defer r.Close()
		b, err := io.ReadAll(r) // checkNames has limited it
		if err != nil {
			return nil, z.corrupt(err)
		}
		return b, nil
	}
	return nil, nil
}

// names are the paths of a tree, each under its name with case folded: on some
// file systems two that fold to the same are one.
type names map[string]named

type named struct {
	name  string
	isDir bool
}

// take adds name and the directories that it lies in, unless that cannot be.
func (n names) take(name string, isDir bool) error {
	for ; name != "."; name, isDir = path.Dir(name), true {
		folded := strings.Map(foldRune, name)
		other, ok := n[folded]
		if !ok {
			n[folded] = named{name, isDir}
			continue
		}
		if other.name != name {
			return fmt.Errorf("%q and %q differ in case only", other.name, name)
		}
		if !other.isDir || !isDir {
			return fmt.Errorf("%q is there twice", name)
		}
		return nil // its directories are there, too
	}
	return nil
}

// foldRune returns the same rune for all that [strings.EqualFold] takes for equal:
// the least of them.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}

// A reading reads a file until ctx is done. It notes that the file could not be
// read, which a zip's reader does not tell from a content that is wrong.
type reading struct {
	ctx context.Context
	f   *io.SectionReader
	err error
}

func (r *reading) ReadAt(p []byte, off int64) (int, error) {
	if err := r.ctx.Err(); err != nil {
		r.err = err
		return 0, err
	}
	n, err := r.f.ReadAt(p, off)
	if err != nil && err != io.EOF && r.err == nil {
		r.err = err
	}
	return n, err
}
