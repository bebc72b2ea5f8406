// Package tierstest is what a tier must do, as tests that run over any of them:
// [TestCache] over each cache, [TestStore] over each store and over the Stack.
//
// The rest is what such tests need: sound files to keep, and looks at what a
// tier holds.
package tierstest

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// Kinds are all files of a version.
var Kinds = []tiers.Kind{tiers.Info, tiers.Mod, tiers.Zip}

// Version returns the files of v, as an upstream could have them. Each differs
// from those of any other version or seed.
func Version(v module.Version, seed string) tiers.Files {
	hash := sha256.Sum256([]byte(v.String() + " " + seed))
	mod := fmt.Appendf(nil, "module %s\n\n// %x\n", v.Path, hash)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if !strings.HasSuffix(v.Version, "+incompatible") { // those had no go.mod
		addTo(w, v, "go.mod", mod)
	}
	addTo(w, v, "seed.txt", fmt.Appendf(nil, "%x\n", hash))
	if err := w.Close(); err != nil {
		panic(err)
	}
	return tiers.Files{Info: info(v, hash[:20]), Mod: mod, Zip: Section(b.Bytes())}
}

func info(v module.Version, commit []byte) []byte {
	return fmt.Appendf(nil, `{"Version":%q,"Time":"2024-02-03T04:05:06Z","Origin":{"VCS":"git","Hash":"%x"}}`, v.Version, commit)
}

func addTo(w *zip.Writer, v module.Version, name string, content []byte) {
	f, err := w.Create(v.String() + "/" + name)
	if err == nil {
		_, err = f.Write(content)
	}
	if err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
}

// Section returns a reader of all of b.
func Section(b []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))
}

// Bytes returns the file of kind k in f.
func Bytes(f tiers.Files, k tiers.Kind) []byte {
	switch k {
	case tiers.Info:
		return f.Info
	case tiers.Mod:
		return f.Mod
	}
	b := make([]byte, f.Zip.Size())
	if _, err := f.Zip.ReadAt(b, 0); err != nil && err != io.EOF {
		panic(err)
	}
	return b
}

// Ref names the file of kind k of v.
func Ref(v module.Version, k tiers.Kind) tiers.Ref {
	return tiers.Ref{Path: v.Path, Version: v.Version, Kind: k}
}

// ReadFile reads the file that r names. That the Object says something wrong
// about itself is an error too.
func ReadFile(ctx context.Context, s tiers.Source, r tiers.Ref) ([]byte, error) {
	o, err := s.Open(ctx, r)
	if err != nil {
		return nil, err
	}
	return ReadObject(o)
}

// ReadObject reads the rest of o and closes it.
func ReadObject(o *tiers.Object) ([]byte, error) {
	b, err := io.ReadAll(o.Body)
	if cerr := o.Body.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("closing the body: %w", cerr)
	}
	if err == nil && o.Size >= 0 && o.Size != int64(len(b)) {
		err = fmt.Errorf("the body has %d bytes, Size says %d", len(b), o.Size)
	}
	if err == nil && o.Tier == "" {
		err = errors.New("Tier is empty")
	}
	return b, err
}

// Holds checks that s has each file of v with the bytes that f has.
func Holds(t testing.TB, s tiers.Source, v module.Version, f tiers.Files) {
	t.Helper()
	for _, k := range Kinds {
		HoldsFile(t, s, Ref(v, k), Bytes(f, k))
	}
}

// HoldsFile checks that s has the file that r names, and that it is want.
func HoldsFile(t testing.TB, s tiers.Source, r tiers.Ref, want []byte) {
	t.Helper()
	got, err := ReadFile(t.Context(), s, r)
	if err != nil {
		t.Errorf("open %s: got error %v, want %d bytes", r, err, len(want))
	} else if !bytes.Equal(got, want) {
		t.Errorf("open %s: got %s, want %s", r, short(got), short(want))
	}
}

// Lacks checks that s says of the files of v of these kinds, or of all if none
// is given, that they are not there.
func Lacks(t testing.TB, s tiers.Source, v module.Version, kinds ...tiers.Kind) {
	t.Helper()
	if len(kinds) == 0 {
		kinds = Kinds
	}
	for _, k := range kinds {
		b, err := ReadFile(t.Context(), s, Ref(v, k))
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open %s: got %s, error %v, want fs.ErrNotExist", Ref(v, k), short(b), err)
		}
	}
}

func short(b []byte) string {
	if len(b) > 100 {
		return fmt.Sprintf("%d bytes beginning with %q", len(b), b[:100])
	}
	return fmt.Sprintf("%q", b)
}
