package direct_test

import (
	"crypto/sha256"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/direct"
)

// noise returns n bytes that do not compress, always the same for a seed.
func noise(seed byte, n int) string {
	b := make([]byte, n)
	rand.NewChaCha8(sha256.Sum256([]byte{seed})).Read(b)
	return string(b)
}

// large makes a repository with n files of a MiB each, and then a small change.
func (f *forge) large(name string, n int) *repo {
	f.t.Helper()
	r := f.repo(name)
	files := []string{"go.mod", "module github.com/acme/" + name + "\n"}
	for i := range n {
		files = append(files, "data/"+strconv.Itoa(i), noise(byte(i), 1<<20))
	}
	r.commit("v1.0.0", files...)
	r.commit("v1.1.0", "small.go", "package a\n")
	return r
}

// size adds up what is below dir.
func size(t testing.TB, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		n += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestKept(t *testing.T) {
	t.Run("the second version brings the difference only, in the next process too", func(t *testing.T) {
		f := newForge(t)
		r := f.large("big", 8)
		d := f.fetcher()
		must[[]byte](t)(read(within(t), d, "github.com/acme/big", "v1.0.0", tiers.Zip))
		first := f.sent.Swap(0)
		wantFiles(t, d, "github.com/acme/big", "v1.1.0", strings.Fields("data/0 data/1 data/2 data/3 data/4 data/5 data/6 data/7 go.mod small.go")...)
		second := f.sent.Swap(0)
		r.commit("v1.2.0", "smaller.go", "package a\n")
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d = f.fetcher(func(n *direct.Fetcher) { n.Dir = d.Dir })
		must[[]byte](t)(read(within(t), d, "github.com/acme/big", "v1.2.0", tiers.Zip))
		third := f.sent.Swap(0)
		t.Logf("sent %d, %d and %d bytes", first, second, third)
		if first < 5<<20 || second > first/100 || third > first/100 {
			t.Errorf("sent %d, %d and %d bytes, want a hundredth of the first", first, second, third)
		}
	})
	t.Run("the modules of one repository share its clone", func(t *testing.T) {
		f := newForge(t)
		f.repo("mono").commit("", "go.mod", "module github.com/acme/mono\n", "data", noise(1, 2<<20), "x/go.mod", "module github.com/acme/mono/x\n", "y/go.mod", "module github.com/acme/mono/y\n")
		d := f.fetcher()
		for _, path := range []string{"github.com/acme/mono/x", "github.com/acme/mono/y", "github.com/acme/mono"} {
			must[[]byte](t)(d.Latest(within(t), path))
		}
		if sent := f.sent.Load(); sent > 3<<20 {
			t.Errorf("sent %d bytes", sent)
		}
		if n := len(find(t, d.Dir, "roots")); n != 1 {
			t.Errorf("%d clones, want 1", n)
		}
	})
	t.Run("a tag that was moved before its version was asked for is the new one", func(t *testing.T) {
		f := newForge(t)
		r := f.module("one", "v1.0.0", "v1.1.0")
		tip := r.commit("")
		d := f.fetcher()
		// This fetches all tags, to see which come before the commit.
		must[[]byte](t)(read(within(t), d, "github.com/acme/one", r.pseudo("v1.1.1-0.", tip), tiers.Zip))
		r.git("checkout", "-q", "-b", "elsewhere")
		r.commit("v1.0.0", "moved.go", "package a\n")
		wantFiles(t, d, "github.com/acme/one", "v1.0.0", "a.go", "go.mod", "moved.go")
	})
	t.Run("a tag that was removed before its version was asked for is not there", func(t *testing.T) {
		f := newForge(t)
		r := f.module("one", "v1.0.0", "v1.1.0")
		tip := r.commit("")
		d := f.fetcher()
		must[[]byte](t)(read(within(t), d, "github.com/acme/one", r.pseudo("v1.1.1-0.", tip), tiers.Zip))
		r.git("push", "-q", "origin", ":refs/tags/v1.0.0")
		_, err := read(within(t), d, "github.com/acme/one", "v1.0.0", tiers.Mod)
		wantAbsent(t, err)
	})
	t.Run("hundreds of tags are fetched and have no meaning afterwards either", func(t *testing.T) {
		f := newForge(t)
		r := f.module("one", "v1.0.0")
		for i := range 300 {
			r.tag("v0.1." + strconv.Itoa(i))
		}
		tip := r.commit("")
		d := f.fetcher()
		must[[]byte](t)(read(within(t), d, "github.com/acme/one", r.pseudo("v1.0.1-0.", tip), tiers.Zip))
		packed := find(t, d.Dir, "packed-refs")
		if len(packed) != 1 || strings.Count(string(must[[]byte](t)(os.ReadFile(packed[0]))), " refs/kept/") < 300 {
			t.Errorf("the tags are not in %q", packed)
		}
		r.git("checkout", "-q", "-b", "elsewhere")
		r.commit("v0.1.7", "moved.go", "package a\n")
		wantFiles(t, d, "github.com/acme/one", "v0.1.7", "a.go", "go.mod", "moved.go")
	})
	t.Run("many small packs are joined", func(t *testing.T) {
		f := newForge(t)
		r := f.module("one", "v1.0.0")
		d := f.fetcher()
		for i := range direct.FewPacks + 2 {
			hash := r.commit("", "b.go", "package a // "+strconv.Itoa(i)+"\n")
			must[[]byte](t)(d.Query(within(t), "github.com/acme/one", hash))
		}
		packs := must[[]string](t)(filepath.Glob(filepath.Join(d.Dir, "*", "0", "clones", "*", "git", "objects", "pack", "*.pack")))
		if len(packs) == 0 || len(packs) > direct.FewPacks/2 {
			t.Errorf("%d packs", len(packs))
		}
		before := f.sent.Load()
		r.commit("v1.1.0", "c.go", "package a\n")
		wantFiles(t, d, "github.com/acme/one", "v1.1.0", "a.go", "b.go", "c.go", "go.mod")
		t.Logf("then %d bytes were sent", f.sent.Load()-before)
	})
	t.Run("a branch may take the place of a directory of branches", func(t *testing.T) {
		f := newForge(t)
		r := f.module("one", "v1.0.0")
		d := f.fetcher()
		r.git("checkout", "-q", "-b", "a/b")
		hash := r.commit("")
		must[[]byte](t)(d.Query(within(t), "github.com/acme/one", hash[:10]+""))
		must[[]byte](t)(d.Query(within(t), "github.com/acme/one", "a/b"))
		r.git("push", "-q", "origin", ":refs/heads/a/b")
		r.git("branch", "-q", "-m", "a/b", "tmp")
		r.git("branch", "-q", "-m", "tmp", "a")
		hash = r.commit("", "x.go", "package a\n")
		if got, want := version(t, must[[]byte](t)(d.Query(within(t), "github.com/acme/one", "a"))), r.pseudo("v1.0.1-0.", hash); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("a clone that is broken is fetched anew", func(t *testing.T) {
		f := newForge(t)
		r := f.module("one", "v1.0.0")
		d := f.fetcher()
		must[[]byte](t)(read(within(t), d, "github.com/acme/one", "v1.0.0", tiers.Zip))
		for _, pack := range must[[]string](t)(filepath.Glob(filepath.Join(d.Dir, "*", "0", "clones", "*", "git", "objects", "pack", "*.pack"))) {
			os.Chmod(pack, 0o600)
			if err := os.Truncate(pack, 20); err != nil {
				t.Fatal(err)
			}
		}
		r.commit("v1.1.0", "b.go", "package a\n")
		wantFiles(t, d, "github.com/acme/one", "v1.1.0", "a.go", "b.go", "go.mod")
	})
	t.Run("clones stay within the bound, the least recently used go first", func(t *testing.T) {
		f := newForge(t)
		for _, name := range []string{"a", "b", "c"} {
			f.large(name, 2)
		}
		d := f.fetcher(func(d *direct.Fetcher) { d.Size = 5 << 20 })
		latest := func(name string) int64 {
			f.sent.Store(0)
			must[[]byte](t)(d.Query(within(t), "github.com/acme/"+name, "v1.0.0"))
			return f.sent.Load()
		}
		for _, name := range []string{"a", "b", "a", "c"} {
			latest(name)
			if n := size(t, d.Dir); n > 5<<20 {
				t.Errorf("after %s there are %d bytes", name, n)
			}
		}
		if sent := latest("a"); sent > 1<<20 {
			t.Errorf("a was fetched again: %d bytes", sent)
		}
		if sent := latest("b"); sent < 1<<20 {
			t.Errorf("b was still there: %d bytes", sent)
		}
	})
	t.Run("after Close there are clones and nothing else", func(t *testing.T) {
		f := newForge(t)
		f.module("one", "v1.0.0")
		d := f.fetcher()
		must[[]byte](t)(read(within(t), d, "github.com/acme/one", "v1.0.0", tiers.Zip))
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		entries := must[[]os.DirEntry](t)(os.ReadDir(filepath.Join(d.Dir, "modtier-direct", "0")))
		if len(entries) != 1 || entries[0].Name() != "clones" {
			t.Errorf("there are %v", entries)
		}
		_, err := read(within(t), d, "github.com/acme/one", "v1.0.0", tiers.Zip)
		wantLost(t, err)
	})
	t.Run("without a Dir nothing is left", func(t *testing.T) {
		t.Setenv("TMPDIR", t.TempDir())
		f := newForge(t)
		f.module("one", "v1.0.0")
		d := f.fetcher(func(d *direct.Fetcher) { d.Dir = "" })
		must[[]byte](t)(read(within(t), d, "github.com/acme/one", "v1.0.0", tiers.Zip))
		d.Close()
		if left := must[[]string](t)(filepath.Glob(filepath.Join(os.TempDir(), "modtier-direct-*"))); len(left) != 0 {
			t.Errorf("left %q", left)
		}
	})
	t.Run("two in one Dir do not meet, and the next one clears what nobody has", func(t *testing.T) {
		f := newForge(t)
		f.module("one", "v1.0.0")
		a := f.fetcher()
		b := f.fetcher(func(d *direct.Fetcher) { d.Dir = a.Dir })
		wantFiles(t, a, "github.com/acme/one", "v1.0.0", "a.go", "go.mod")
		wantFiles(t, b, "github.com/acme/one", "v1.0.0", "a.go", "go.mod")
		a.Close()
		b.Close()
		c := f.fetcher(func(d *direct.Fetcher) { d.Dir = a.Dir })
		must[[]byte](t)(read(within(t), c, "github.com/acme/one", "v1.0.0", tiers.Mod))
		if _, err := os.Stat(filepath.Join(a.Dir, "modtier-direct", "1")); err == nil {
			t.Error("the place of the second is still there")
		}
	})
}
