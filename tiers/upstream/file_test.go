package upstream_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/modtier/modtier/tiers"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := filepath.Join(dir, "example.com", "!mod", "@v")
	for name, text := range map[string]string{
		"list": "v1.2.3\n", "v1.2.3.info": `{"Version":"v1.2.3"}`, "v1.2.3.mod": "module example.com/Mod\n", "v1.2.3.zip": "zip",
		"../@latest": `{"Version":"v1.2.3"}`,
	} {
		if err := os.MkdirAll(v, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(v, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(v, "v1.2.4.zip"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(v, "v1.2.5.info"), make([]byte, 1<<20+1), 0o644); err != nil {
		t.Fatal(err)
	}
	l := list(t, "file://"+filepath.ToSlash(dir))
	t.Run("a file is opened as one", func(t *testing.T) {
		o, err := l.Open(t.Context(), zipRef)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Body.Close()
		if _, ok := o.Body.(*os.File); !ok || o.Size != 3 || o.ModTime.IsZero() || o.Tier != "upstream" {
			t.Errorf("got %T of %d bytes, %v, from %s", o.Body, o.Size, o.ModTime, o.Tier)
		}
	})
	t.Run("questions are answered", func(t *testing.T) {
		if got, err := l.Versions(t.Context(), "example.com/Mod"); !slices.Equal(got, []string{"v1.2.3"}) {
			t.Errorf("Versions: got %q, error %v", got, err)
		}
		if got, err := l.Latest(t.Context(), "example.com/Mod"); string(got) != `{"Version":"v1.2.3"}` {
			t.Errorf("Latest: got %q, error %v", got, err)
		}
		if got, err := l.Query(t.Context(), "example.com/Mod", "v1.2.3"); string(got) != `{"Version":"v1.2.3"}` {
			t.Errorf("Query: got %q, error %v", got, err)
		}
	})
	t.Run("a missing file is an absence", func(t *testing.T) {
		for _, r := range []tiers.Ref{
			{Path: "example.com/Mod", Version: "v9.9.9", Kind: tiers.Mod},
			{Path: "example.com/none", Version: "v1.0.0", Kind: tiers.Mod},
		} {
			_, err := l.Open(t.Context(), r)
			if _, ok := errors.AsType[*tiers.AbsentError](err); !ok || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v: got %v", r, err)
			}
		}
		s := serve(t, answers(200, "b"))
		r := tiers.Ref{Path: "example.com/none", Version: "v1.0.0", Kind: tiers.Mod}
		if got, err := read(t, list(t, l.String()+","+s.URL), r); string(got) != "b" {
			t.Errorf("before a comma: got %q, error %v; want the second's", got, err)
		}
	})
	t.Run("a missing directory is not", func(t *testing.T) {
		_, err := list(t, "file://"+filepath.ToSlash(dir)+"/none").Open(t.Context(), zipRef)
		upstreamError(t, err)
	})
	t.Run("nor is what is no file, or is too large", func(t *testing.T) {
		_, err := l.Open(t.Context(), tiers.Ref{Path: "example.com/Mod", Version: "v1.2.4", Kind: tiers.Zip})
		upstreamError(t, err)
		_, err = l.Open(t.Context(), tiers.Ref{Path: "example.com/Mod", Version: "v1.2.5", Kind: tiers.Info})
		upstreamError(t, err)
		_, err = l.Query(t.Context(), "example.com/Mod", "v1.2.5")
		upstreamError(t, err)
	})
}
