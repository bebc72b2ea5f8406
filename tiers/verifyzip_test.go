package tiers_test

import (
	stdzip "archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// An entry is a file of a zip, below the directory of its version unless it
// begins with a slash.
type entry struct{ name, content string }

func zipOf(t *testing.T, entries ...entry) *io.SectionReader { return zipNamed(t, version, entries...) }

func zipNamed(t *testing.T, v module.Version, entries ...entry) *io.SectionReader {
	t.Helper()
	var b bytes.Buffer
	w := stdzip.NewWriter(&b)
	for _, e := range entries {
		name, outside := strings.CutPrefix(e.name, "/")
		if !outside {
			name = v.String() + "/" + name
		}
		f, err := w.Create(name)
		if err == nil && !strings.HasSuffix(name, "/") {
			_, err = io.WriteString(f, e.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return tierstest.Section(b.Bytes())
}

// claiming returns a zip with one file that says to have size bytes.
func claiming(t *testing.T, name string, size uint64, content string) *io.SectionReader {
	t.Helper()
	var b bytes.Buffer
	w := stdzip.NewWriter(&b)
	f, err := w.CreateRaw(&stdzip.FileHeader{
		Name: version.String() + "/" + name, Method: stdzip.Store,
		CompressedSize64: uint64(len(content)), UncompressedSize64: size,
	})
	if err == nil {
		_, err = io.WriteString(f, content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return tierstest.Section(b.Bytes())
}

func TestVerifierTakesTheZipsThatTheGoCommandTakes(t *testing.T) {
	t.Parallel()
	readme := entry{"README", "x"}
	zips := map[string]*io.SectionReader{
		"nothing":                         zipOf(t),
		"one file":                        zipOf(t, readme),
		"a tree":                          zipOf(t, readme, entry{"a/b/c.go", "x"}, entry{"a/d.go", "x"}, entry{"go.mod", "module x"}),
		"directories":                     zipOf(t, entry{"", ""}, entry{"a/", ""}, entry{"a/", ""}, entry{"a/b", "x"}),
		"a vendor directory":              zipOf(t, entry{"vendor/example.com/a/b.go", "x"}, entry{"vendor/modules.txt", "x"}),
		"a name beyond ASCII":             zipOf(t, entry{"\u00e9t\u00e9", "x"}),
		"no directory":                    zipOf(t, entry{"/README", "x"}),
		"another version":                 zipOf(t, entry{"/github.com/Azure/thing@v1.2.4/README", "x"}),
		"another case":                    zipOf(t, entry{"/github.com/azure/thing@v1.2.3/README", "x"}),
		"a version that goes on":          zipOf(t, entry{"/github.com/Azure/thing@v1.2.34/README", "x"}),
		"a file twice":                    zipOf(t, readme, readme),
		"names that differ in case":       zipOf(t, readme, entry{"readme", "x"}),
		"names that fold to the same":     zipOf(t, entry{"s", "x"}, entry{"\u017f", "x"}),
		"directories that differ so":      zipOf(t, entry{"A/b", "x"}, entry{"a/c", "x"}),
		"a file that is a directory":      zipOf(t, entry{"a", "x"}, entry{"a/b", "x"}),
		"a directory that is a file":      zipOf(t, entry{"a/b/c", "x"}, entry{"a/b", "x"}),
		"a way out":                       zipOf(t, entry{"../../x", "x"}),
		"a path that is not clean":        zipOf(t, entry{"a//b", "x"}),
		"a path that ends twice":          zipOf(t, entry{"a//", ""}),
		"a backslash":                     zipOf(t, entry{`a\b`, "x"}),
		"a reserved name":                 zipOf(t, entry{"aux.go", "x"}),
		"a line break":                    zipOf(t, entry{"a\nb", "x"}),
		"a go.mod below":                  zipOf(t, entry{"a/go.mod", "module a"}),
		"a GO.MOD below":                  zipOf(t, entry{"a/GO.MOD", "module a"}),
		"a Go.mod":                        zipOf(t, entry{"Go.mod", "module a"}),
		"a directory called go.mod":       zipOf(t, entry{"a/go.mod/", ""}, entry{"a/go.mod/x", "x"}),
		"a large file":                    claiming(t, "large", modzip.MaxZipFile+1, "x"),
		"a file of all bits":              claiming(t, "large", 1<<64-1, "x"),
		"a large go.mod":                  claiming(t, "go.mod", modzip.MaxGoMod+1, "x"),
		"a large LICENSE":                 claiming(t, "LICENSE", modzip.MaxLICENSE+1, "x"),
		"no zip":                          tierstest.Section([]byte("<html>")),
		"a zip without its end":           cutShort(t, zipOf(t, readme)),
		"a link out, by its mode":         linked(t),
		"a zip of all that tierstest has": files.Zip,
	}
	var taken int
	for what, z := range zips {
		t.Run(what, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "zip")
			b, err := io.ReadAll(io.NewSectionReader(z, 0, z.Size()))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, b, 0o666); err != nil {
				t.Fatal(err)
			}
			_, want := modzip.CheckZip(version, name)
			got := new(tiers.Verifier).Check(t.Context(), zip, z, z.Size())
			if (got == nil) != (want == nil) || got != nil && !errors.Is(got, tiers.ErrCorrupt) {
				t.Errorf("got %v, want it as the go command has it: %v", got, want)
			}
			if want == nil {
				taken++
			}
		})
	}
	if taken < 6 || taken > len(zips)-20 {
		t.Errorf("%d of %d zips are sound", taken, len(zips))
	}
	t.Run("too large", func(t *testing.T) {
		if err := new(tiers.Verifier).Check(t.Context(), zip, unreadable{}, modzip.MaxZipFile+1); !errors.Is(err, tiers.ErrCorrupt) {
			t.Errorf("got %v, want ErrCorrupt", err)
		}
	})
}

func TestVerifierReadsAllOfAZip(t *testing.T) {
	t.Parallel()
	sound := zipOf(t, entry{"a", strings.Repeat("sound ", 1000)})
	b, err := io.ReadAll(sound)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/3] ^= 1 // within the packed content
	for what, z := range map[string]*io.SectionReader{
		"a content that was damaged":        tierstest.Section(b),
		"more content than it says to have": claiming(t, "a", 1, "xx"),
		"less content than it says to have": claiming(t, "a", 2, "x"),
	} {
		if err := new(tiers.Verifier).Check(t.Context(), zip, z, z.Size()); !errors.Is(err, tiers.ErrCorrupt) {
			t.Errorf("%s: got error %v, want ErrCorrupt", what, err)
		}
	}
}

func cutShort(t *testing.T, z *io.SectionReader) *io.SectionReader {
	t.Helper()
	return io.NewSectionReader(z, 0, z.Size()-30)
}

func linked(t *testing.T) *io.SectionReader {
	t.Helper()
	var b bytes.Buffer
	w := stdzip.NewWriter(&b)
	h := &stdzip.FileHeader{Name: version.String() + "/link"}
	h.SetMode(os.ModeSymlink | 0o777)
	f, err := w.CreateHeader(h)
	if err == nil {
		_, err = io.WriteString(f, "/etc/passwd")
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return tierstest.Section(b.Bytes())
}
