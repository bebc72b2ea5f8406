package direct_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/direct"
)

// read reads a file as a client would.
func read(ctx context.Context, d *direct.Fetcher, path, version string, k tiers.Kind) ([]byte, error) {
	o, err := d.Open(ctx, tiers.Ref{Path: path, Version: version, Kind: k})
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	b, err := io.ReadAll(o.Body)
	if err == nil && o.Size != int64(len(b)) {
		err = errors.New("the size is not that of the body")
	}
	return b, err
}

// open opens a file and reads none of it.
func open(ctx context.Context, d *direct.Fetcher, path, version string, k tiers.Kind) error {
	o, err := d.Open(ctx, tiers.Ref{Path: path, Version: version, Kind: k})
	if err != nil {
		return err
	}
	return o.Body.Close()
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// names returns the files in a module's zip, below its root.
func names(t testing.TB, b []byte) (names []string) {
	t.Helper()
	z := must[*zip.Reader](t)(zip.NewReader(bytes.NewReader(b), int64(len(b))))
	for _, f := range z.File {
		_, name, _ := strings.Cut(f.Name[strings.IndexByte(f.Name, '@'):], "/")
		names = append(names, name)
	}
	return names
}

func version(t testing.TB, info []byte) string {
	t.Helper()
	var v struct{ Version string }
	if err := json.Unmarshal(info, &v); err != nil {
		t.Fatal(err)
	}
	return v.Version
}

func wantFiles(t *testing.T, d *direct.Fetcher, path, v string, want ...string) {
	t.Helper()
	ctx := within(t)
	if got := version(t, must[[]byte](t)(read(ctx, d, path, v, tiers.Info))); got != v {
		t.Errorf("the info of %s@%s is that of %s", path, v, got)
	}
	if got := modfile.ModulePath(must[[]byte](t)(read(ctx, d, path, v, tiers.Mod))); got != path {
		t.Errorf("the go.mod of %s@%s is that of %s", path, v, got)
	}
	if got := names(t, must[[]byte](t)(read(ctx, d, path, v, tiers.Zip))); !slices.Equal(got, want) {
		t.Errorf("the zip of %s@%s has %q, want %q", path, v, got, want)
	}
}

func TestOpen(t *testing.T) {
	t.Run("a tag is fetched with its three files", func(t *testing.T) {
		f := newForge(t)
		f.module("one", "v1.0.0")
		wantFiles(t, f.fetcher(), "github.com/acme/one", "v1.0.0", "a.go", "go.mod")
	})
	t.Run("a pseudo-version is fetched", func(t *testing.T) {
		f := newForge(t)
		r := f.module("one", "v1.0.0")
		hash := r.commit("", "b.go", "package a\n")
		wantFiles(t, f.fetcher(), "github.com/acme/one", r.pseudo("v1.0.1-0.", hash), "a.go", "b.go", "go.mod")
	})
	t.Run("major version 2 is fetched, and one without a go.mod", func(t *testing.T) {
		f := newForge(t)
		f.repo("two").commit("v2.1.0", "go.mod", "module github.com/acme/two/v2\n", "a.go", "package a\n")
		f.repo("old").commit("v2.0.0", "a.go", "package a\n")
		d := f.fetcher()
		wantFiles(t, d, "github.com/acme/two/v2", "v2.1.0", "a.go", "go.mod")
		wantFiles(t, d, "github.com/acme/old", "v2.0.0+incompatible", "a.go")
	})
	t.Run("a module in a directory is fetched, upper case and all", func(t *testing.T) {
		f := newForge(t)
		f.repo("Mono").commit("Sub/x/v0.1.0", "go.mod", "module github.com/acme/Mono\n",
			"Sub/x/go.mod", "module github.com/acme/Mono/Sub/x\n", "Sub/x/x.go", "package x\n")
		wantFiles(t, f.fetcher(), "github.com/acme/Mono/Sub/x", "v0.1.0", "go.mod", "x.go")
	})
	t.Run("a path that names its repository needs no question about it", func(t *testing.T) {
		f := newForge(t)
		f.repo("r.git").commit("v1.0.0", "go.mod", "module example.com/r.git\n", "a.go", "package a\n")
		d := f.fetcher()
		wantFiles(t, d, "example.com/r.git", "v1.0.0", "a.go", "go.mod")
	})
	t.Run("a zip is not extracted, and two opens of it read alike", func(t *testing.T) {
		f := newForge(t)
		f.module("one", "v1.0.0")
		extracted := filepath.Join(t.TempDir(), "extracted")
		spy := filepath.Join(t.TempDir(), "go")
		script := "#!/bin/sh\ngo \"$@\"; code=$?; find $GOMODCACHE -name a.go >> " + extracted + "; exit $code\n"
		if err := os.WriteFile(spy, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		d := f.fetcher(func(d *direct.Fetcher) { d.Go = spy })
		ref := tiers.Ref{Path: "github.com/acme/one", Version: "v1.0.0", Kind: tiers.Zip}
		a := must[*tiers.Object](t)(d.Open(within(t), ref))
		defer a.Body.Close()
		b := must[*tiers.Object](t)(d.Open(within(t), ref))
		defer b.Body.Close()
		first, second := must[[]byte](t)(io.ReadAll(a.Body)), must[[]byte](t)(io.ReadAll(b.Body))
		if len(first) == 0 || !bytes.Equal(first, second) {
			t.Errorf("read %d and %d bytes", len(first), len(second))
		}
		if b := must[[]byte](t)(os.ReadFile(extracted)); len(b) != 0 {
			t.Errorf("extracted: %s", b)
		}
	})
	t.Run("twenty clients of a cold version are one clone", func(t *testing.T) {
		f := newForge(t)
		f.module("one", "v1.0.0")
		d := f.fetcher()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if _, err := read(within(t), d, "github.com/acme/one", "v1.0.0", []tiers.Kind{tiers.Zip, tiers.Info, tiers.Mod, tiers.Zip}[i%4]); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := f.packsOf("one"); got != 1 {
			t.Errorf("%d packs were sent, want 1", got)
		}
	})
	t.Run("after a zip the other files ask nobody", func(t *testing.T) {
		f := newForge(t)
		f.module("one", "v1.0.0")
		d := f.fetcher()
		must[[]byte](t)(read(within(t), d, "github.com/acme/one", "v1.0.0", tiers.Zip))
		before := f.requests()
		must[[]byte](t)(read(within(t), d, "github.com/acme/one", "v1.0.0", tiers.Info))
		must[[]byte](t)(read(within(t), d, "github.com/acme/one", "v1.0.0", tiers.Mod))
		if n := f.requests() - before; n != 0 {
			t.Errorf("%d requests, want none", n)
		}
	})
	t.Run("a module for a newer go command has its info and go.mod, and a zip that says why not", func(t *testing.T) {
		f := newForge(t)
		f.repo("new").commit("v1.0.0", "go.mod", "module github.com/acme/new\n\ngo 1.999\n", "a.go", "package a\n")
		d := f.fetcher()
		must[[]byte](t)(read(within(t), d, "github.com/acme/new", "v1.0.0", tiers.Info))
		must[[]byte](t)(read(within(t), d, "github.com/acme/new", "v1.0.0", tiers.Mod))
		_, err := read(within(t), d, "github.com/acme/new", "v1.0.0", tiers.Zip)
		if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "requires go >= 1.999") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("what is no module path or no version is nowhere, and asks nobody", func(t *testing.T) {
		f := newForge(t)
		d := f.fetcher()
		for _, c := range [][2]string{{"-x", "v1"}, {"example.com/a...b", "v1"}, {"example.com/a", "-x"}, {"example.com/a", "a\nb"}, {"example.com/a", strings.Repeat("a", 300)}} {
			if _, err := d.Query(within(t), c[0], c[1]); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q: got %v", c, err)
			}
		}
		if n := f.requests(); n != 0 {
			t.Errorf("%d requests, want none", n)
		}
	})
}
