package e2e

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A source is a version of a module with code.
type source struct {
	path, version string
	gomod         string            // after the module line
	files         map[string]string // by name, without go.mod
}

// sources make up a program's dependencies: a path in upper case, a later major
// version below an earlier one, one from before modules, and a commit without a tag.
var sources = []source{
	{"example.com/Greet/Hello", "v1.2.0", "require (\n\texample.com/text/v2 v2.0.1\n\texample.com/old v3.0.0+incompatible\n)\n", map[string]string{
		"hello.go": "package hello\n\nimport (\n\t\"example.com/old\"\n\t\"example.com/text/v2/upper\"\n)\n\nfunc Say() string { return upper.Case(\"hello\") + old.Mark }\n",
	}},
	{"example.com/Greet/Hello", "v1.3.0-RC1", "", map[string]string{"hello.go": "package hello\n\nfunc Say() string { return \"too new\" }\n"}},
	{"example.com/text", "v1.0.0", "", map[string]string{"text.go": "package text\n"}},
	{"example.com/text", "v1.10.0", "", map[string]string{"text.go": "package text\n"}},
	{"example.com/text", "v1.9.0", "", map[string]string{"text.go": "package text\n"}},
	{"example.com/text/v2", "v2.0.1", "require example.com/untagged v0.0.0-20260102030405-abcdefabcdef\n", map[string]string{
		"upper/upper.go": "package upper\n\nimport \"example.com/untagged\"\n\nfunc Case(s string) string { return untagged.Case(s) }\n",
	}},
	{"example.com/old", "v3.0.0+incompatible", "", map[string]string{"old.go": "package old\n\nconst Mark = \"!\"\n"}},
	{"example.com/untagged", "v0.0.0-20260102030405-abcdefabcdef", "", map[string]string{
		"case.go": "package untagged\n\nimport \"strings\"\n\nfunc Case(s string) string { return strings.ToUpper(s) }\n",
	}},
}

const program = `package main

import (
	"fmt"

	"example.com/Greet/Hello"
)

func main() { fmt.Println(hello.Say()) }
`

// store writes the three files of s as Athens does.
func (s source) store(t *testing.T, root string) {
	t.Helper()
	dir := filepath.Join(root, filepath.FromSlash(s.path), s.version)
	gomod := "module " + s.path + "\n"
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	files := maps.Clone(s.files)
	if !strings.HasSuffix(s.version, "+incompatible") {
		gomod += "\ngo 1.21\n\n" + s.gomod
		files["go.mod"] = gomod
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(s.path + "@" + s.version + "/" + name)
		if err == nil {
			_, err = w.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "go.mod"), []byte(gomod))
	put(t, filepath.Join(dir, "source.zip"), b.Bytes())
	put(t, filepath.Join(dir, s.version+".info"), fmt.Appendf(nil, `{"Version":%q,"Time":"2026-01-02T03:04:05Z"}`, s.version))
}

// athensDirectory fills a directory by hand, as the years leave it.
func athensDirectory(t *testing.T) (root string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "store")
	for _, s := range sources {
		s.store(t, root)
	}
	for _, name := range []string{
		".DS_Store", "README", "lost+found/x", "parts/example.com/text/v1.0.0/1", // nobody's
		"example.com/Greet/Hello/.nfs0001", "example.com/text/v1.0.0/.DS_Store", // next to a version, and in one
		"example.com/partial/v1.0.0/go.mod", // what a save leaves that failed
		"example.com/text/v1/x",             // no version
	} {
		put(t, filepath.Join(root, filepath.FromSlash(name)), []byte("module example.com/partial\n"))
	}
	torn := source{"example.com/torn", "v1.0.0", "", map[string]string{"torn.go": "package torn\n"}}
	torn.store(t, root)
	if err := os.Truncate(filepath.Join(root, "example.com/torn/v1.0.0/source.zip"), 60); err != nil {
		t.Fatal(err)
	}
	return root
}

// tree describes each file and directory but modtier's own.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
		if name == ".modtier" {
			return fs.SkipDir
		}
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		found[name] = info.Mode().String()
		if e.IsDir() {
			return nil
		}
		b, err := os.ReadFile(filepath.Join(root, name))
		found[name] += fmt.Sprintf(" %v %q", info.ModTime(), b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
