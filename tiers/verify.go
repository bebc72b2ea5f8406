package tiers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
)

// A Verifier tells whether a file is what its name says. The zero Verifier checks
// form only.
//
// Where a checksum database vouches for a go.mod, its content is not looked at:
// what the database has is what the version has, be it what it may. Nobody else
// can tell whose a go.mod is. Its module line may name another path, as a fork's
// does that is used by a replace directive, so a line that differs proves nothing.
// It has to have one, though, which tells it from an error page; and the zip that
// comes with it, if any, has to contain the same.
type Verifier struct {
	// Sums returns the go.sum lines of v, as [Sums.Lookup] does. It is nil if
	// there is no checksum database to ask.
	Sums func(ctx context.Context, v module.Version) (lines []string, err error)

	// Excluded says of which modules no database is asked, because they are
	// private. Nil is none.
	Excluded func(path string) bool

	// Verified is called for each verification, with its result: "ok",
	// "excluded" (sound, and there is no database to ask), "corrupt", "unknown"
	// or "error". It may be nil.
	Verified func(result string)
}

// Check reads the file that is to be kept under r's name. An error that matches
// ErrCorrupt says that it is not that file; one that matches ErrUnknown, that it is
// sound but the database does not know its version; any other says nothing.
//
// A zip is read several times, but never held.
func (v *Verifier) Check(ctx context.Context, r Ref, f io.ReaderAt, size int64) error {
	p := parts{Version: r.Module()}
	var err error
	switch r.Kind {
	case Info:
		p.info, err = readSmall(r, f, size)
	case Mod:
		p.mod, err = readSmall(r, f, size)
	case Zip:
		p.zip = io.NewSectionReader(f, 0, size)
	}
	return v.count(v.verify(ctx, &p, err))
}

// CheckVersion reads all files of m as one, as [Store].Save gets them: without a
// zip the go.mod only. Its errors are those of Check.
func (v *Verifier) CheckVersion(ctx context.Context, m module.Version, f Files) error {
	p := parts{Version: m, mod: f.Mod, zip: f.Zip}
	if p.mod == nil {
		p.mod = []byte{} // it is required, so that it is not there is not sound
	}
	if f.Zip != nil {
		p.info = f.Info
		if p.info == nil {
			p.info = []byte{}
		}
	}
	return v.count(v.verify(ctx, &p, nil))
}

// parts are the files of a version that are to be verified together.
type parts struct {
	module.Version
	info, mod []byte            // nil if not among them
	zip       *io.SectionReader // nil if not among them
}

func (p *parts) ref(k Kind) Ref { return Ref{p.Path, p.Version.Version, k} }

// verify returns a result for Verified and an error for the caller.
func (v *Verifier) verify(ctx context.Context, p *parts, err error) (string, error) {
	if err != nil {
		return "error", err
	}
	z, err := p.checkForm(ctx)
	if err != nil {
		return "error", err
	}
	if p.mod == nil && p.zip == nil {
		return "ok", nil // no database has infos
	}
	result, unknown := "excluded", error(nil)
	if v.Sums != nil && (v.Excluded == nil || !v.Excluded(p.Path)) {
		lines, err := v.Sums(ctx, p.Version)
		if err == nil {
			return "ok", p.confirm(lines, z)
		}
		if !errors.Is(err, ErrUnknown) {
			return "error", fmt.Errorf("verify %s: %w", p.Version, err)
		}
		result, unknown = "unknown", fmt.Errorf("verify %s: %w", p.Version, err)
	}
	if z != nil {
		if _, err := z.hash(); err != nil { // read for the checksums within
			return "error", err
		}
	}
	if err := p.checkMod(z); err != nil {
		return "error", err
	}
	return result, unknown
}

func (v *Verifier) count(result string, err error) error {
	switch {
	case errors.Is(err, ErrCorrupt):
		result = "corrupt"
	case err != nil && result != "unknown":
		result = "error"
	}
	if v.Verified != nil {
		v.Verified(result)
	}
	return err
}

// checkForm checks what needs no other file and no database. It returns the zip,
// if there is one.
func (p *parts) checkForm(ctx context.Context) (*zipFile, error) {
	if p.info != nil {
		if err := checkSound(p.ref(Info), bytes.NewReader(p.info), int64(len(p.info))); err != nil {
			return nil, err
		}
	}
	if p.mod != nil {
		if err := checkSound(p.ref(Mod), bytes.NewReader(p.mod), int64(len(p.mod))); err != nil {
			return nil, err
		}
	}
	if p.zip == nil {
		return nil, nil
	}
	return openZip(ctx, p.Version, p.zip)
}

// confirm compares the files with the hashes that the database has.
func (p *parts) confirm(lines []string, z *zipFile) error {
	if p.mod != nil {
		got, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(p.mod)), nil
		})
		if err == nil {
			err = agree(p.ref(Mod), got, lines, p.Path+" "+p.Version.Version+"/go.mod ")
		}
		if err != nil {
			return err
		}
	}
	if z == nil {
		return nil
	}
	got, err := z.hash()
	if err != nil {
		return err
	}
	return agree(p.ref(Zip), got, lines, p.Path+" "+p.Version.Version+" ")
}

// agree compares a hash with the one of the line that begins with prefix.
func agree(r Ref, got string, lines []string, prefix string) error {
	for _, line := range lines {
		want, ok := strings.CutPrefix(strings.TrimSpace(line), prefix)
		if !ok || !strings.HasPrefix(want, "h1:") {
			continue // of the other file, or a hash of a kind yet to come
		}
		if got != want {
			return fmt.Errorf("%w: %s: its hash is %s, the checksum database has %s", ErrCorrupt, r, got, want)
		}
		return nil
	}
	return fmt.Errorf("verify %s: the checksum database has no h1 hash of it", r)
}

// checkMod checks a go.mod that nobody vouches for, if it is among the parts.
func (p *parts) checkMod(z *zipFile) error {
	if p.mod == nil {
		return nil
	}
	f, err := modfile.ParseLax("go.mod", p.mod, nil)
	if err != nil {
		return fmt.Errorf("%w: %s: %v", ErrCorrupt, p.ref(Mod), err)
	}
	if f.Module == nil || f.Module.Mod.Path == "" {
		return fmt.Errorf("%w: %s: it has no module line", ErrCorrupt, p.ref(Mod))
	}
	// The go.mod of an incompatible version is made up: if its zip has one, as
	// early go commands let it, that is of no concern.
	if z == nil || strings.HasSuffix(p.Version.Version, "+incompatible") {
		return nil
	}
	within, err := z.mod()
	if err != nil {
		return err
	}
	if within != nil && !bytes.Equal(within, p.mod) {
		return fmt.Errorf("%w: %s: it is not the go.mod within the zip", ErrCorrupt, p.ref(Mod))
	}
	return nil
}

// readSmall reads an info or a go.mod.
func readSmall(r Ref, f io.ReaderAt, size int64) ([]byte, error) {
	if size > maxSmall {
		return nil, fmt.Errorf("%w: %s: %d bytes", ErrCorrupt, r, size)
	}
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); int64(n) < size {
		return nil, fmt.Errorf("verify %s: %w", r, err)
	}
	return b, nil
}
