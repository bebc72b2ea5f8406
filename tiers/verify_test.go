package tiers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// goSum returns the lines that the go command writes into a go.sum for v.
func goSum(t *testing.T, v module.Version, f tiers.Files) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "zip")
	if err := os.WriteFile(name, tierstest.Bytes(f, tiers.Zip), 0o666); err != nil {
		t.Fatal(err)
	}
	z, err := dirhash.HashZip(name, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(f.Mod)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", v.Path, v.Version, z, v.Path, v.Version, m)
}

// A court is a Verifier over a real checksum database.
type court struct {
	tiers.Verifier
	database *database
	sums     map[module.Version]string
	results  []string
}

func newCourt(t *testing.T) *court {
	c := &court{sums: make(map[module.Version]string)}
	c.database = newDatabase(t, func(v module.Version) (string, error) {
		if s := c.sums[v]; s != "" {
			return s, nil
		}
		return "", fs.ErrNotExist
	})
	c.Sums = openSums(t, c.database.key, c.database.read, nil).Lookup
	c.Excluded = func(path string) bool { return strings.HasPrefix(path, "private.example.com/") }
	c.Verified = func(result string) { c.results = append(c.results, result) }
	return c
}

// knows tells the database of f.
func (c *court) knows(t *testing.T, v module.Version, f tiers.Files) { c.sums[v] = goSum(t, v, f) }

func (c *court) check(t *testing.T, v module.Version, f tiers.Files, k tiers.Kind) error {
	b := tierstest.Bytes(f, k)
	return c.Check(t.Context(), tierstest.Ref(v, k), bytes.NewReader(b), int64(len(b)))
}

// rules wants the verdict and the result, and of an error what it matches.
func (c *court) rules(t *testing.T, what string, err error, want string) {
	t.Helper()
	var got string
	if n := len(c.results); n != 1 {
		t.Errorf("%s: counted %q, want one", what, c.results)
	} else {
		got = c.results[0]
	}
	c.results = nil
	if got != want || (err == nil) != (want == "ok" || want == "excluded") ||
		errors.Is(err, tiers.ErrCorrupt) != (want == "corrupt") || errors.Is(err, tiers.ErrUnknown) != (want == "unknown") {
		t.Errorf("%s: got %s, error %v, want %s", what, got, err, want)
	}
}

// all checks f as a whole and each file by itself.
func (c *court) all(t *testing.T, v module.Version, f tiers.Files, whole string, info, mod, zip string) {
	t.Helper()
	c.rules(t, v.String(), c.CheckVersion(t.Context(), v, f), whole)
	c.rules(t, "its info", c.check(t, v, f, tiers.Info), info)
	c.rules(t, "its go.mod", c.check(t, v, f, tiers.Mod), mod)
	c.rules(t, "its zip", c.check(t, v, f, tiers.Zip), zip)
	c.rules(t, "its lone go.mod", c.CheckVersion(t.Context(), v, tiers.Files{Mod: f.Mod}), mod)
}

var (
	private = module.Version{Path: "private.example.com/m", Version: "v1.0.0"}
	forms   = []module.Version{
		version, {Path: "example.com/m", Version: "v2.0.0+incompatible"}, {Path: "example.com/m/v2", Version: "v2.1.0-RC.1"},
		{Path: "gopkg.in/yaml.v2", Version: "v2.4.0"}, {Path: "example.com/m", Version: "v0.0.0-20240203040506-0123456789ab"},
	}
)

// mixed returns the files of one version with kind k of another.
func mixed(f, other tiers.Files, k tiers.Kind) tiers.Files {
	switch k {
	case tiers.Info:
		f.Info = other.Info
	case tiers.Mod:
		f.Mod = other.Mod
	case tiers.Zip:
		f.Zip = other.Zip
	}
	return f
}

func TestVerifier(t *testing.T) {
	t.Parallel()
	t.Run("what the database vouches for is ok", func(t *testing.T) {
		c := newCourt(t)
		for _, v := range forms {
			f := tierstest.Version(v, "")
			c.knows(t, v, f)
			c.all(t, v, f, "ok", "ok", "ok", "ok")
		}
	})
	t.Run("a file with another hash is corrupt", func(t *testing.T) {
		c := newCourt(t)
		f := tierstest.Version(version, "")
		c.knows(t, version, f)
		other := tierstest.Version(version, "tampered")
		c.all(t, version, mixed(f, other, tiers.Zip), "corrupt", "ok", "ok", "corrupt")
		c.all(t, version, mixed(f, other, tiers.Mod), "corrupt", "ok", "corrupt", "ok")
		err := c.check(t, version, other, tiers.Zip)
		lines := strings.Fields(c.sums[version])
		if err == nil || !strings.Contains(err.Error(), lines[2]) || !strings.Contains(err.Error(), zip.String()) {
			t.Errorf("got error %v, want the name and both hashes", err)
		}
	})
	t.Run("a file of another version is corrupt", func(t *testing.T) {
		c := newCourt(t)
		f := tierstest.Version(version, "")
		c.knows(t, version, f)
		other := tierstest.Version(forms[1], "")
		c.all(t, version, mixed(f, other, tiers.Info), "corrupt", "corrupt", "ok", "ok")
		c.all(t, version, mixed(f, other, tiers.Mod), "corrupt", "ok", "corrupt", "ok")
		c.all(t, version, mixed(f, other, tiers.Zip), "corrupt", "ok", "ok", "corrupt")
	})
	t.Run("a version that the database lacks is unknown, and corrupt if it is unsound", func(t *testing.T) {
		c := newCourt(t)
		f := tierstest.Version(version, "")
		c.all(t, version, f, "unknown", "ok", "unknown", "unknown")
		c.all(t, version, mixed(f, tierstest.Version(forms[1], ""), tiers.Zip), "corrupt", "ok", "unknown", "corrupt")
		f.Mod = []byte("<!doctype html>\n")
		c.all(t, version, f, "corrupt", "ok", "corrupt", "unknown")
	})
	t.Run("an outage of the database says nothing", func(t *testing.T) {
		c := newCourt(t)
		f := tierstest.Version(version, "")
		c.knows(t, version, f)
		c.database.answers(func(string, []byte) (int, []byte) { return 500, nil })
		c.all(t, version, f, "error", "ok", "error", "error")
		err := c.CheckVersion(t.Context(), version, f)
		if _, ok := errors.AsType[*tiers.UpstreamError](err); !ok || !strings.Contains(err.Error(), databaseName) {
			t.Errorf("got error %v, want that of the database with its name", err)
		}
	})
	t.Run("a database without a hash of our kind says nothing", func(t *testing.T) {
		c := newCourt(t)
		f := tierstest.Version(version, "")
		c.sums[version] = strings.ReplaceAll(goSum(t, version, f), "h1:", "h2:")
		c.all(t, version, f, "error", "ok", "error", "error")
	})
	t.Run("a fork keeps its module line", func(t *testing.T) {
		c := newCourt(t)
		fork := tierstest.Version(version, "")
		fork.Zip = zipOf(t, entry{"go.mod", "module example.com/original\n"})
		fork.Mod = []byte("module example.com/original\n")
		c.knows(t, version, fork)
		c.all(t, version, fork, "ok", "ok", "ok", "ok")
		f := tierstest.Version(private, "")
		f.Mod, f.Zip = fork.Mod, zipNamed(t, private, entry{"go.mod", "module example.com/original\n"})
		c.all(t, private, f, "excluded", "ok", "excluded", "excluded")
	})
	t.Run("no database is asked about an excluded module", func(t *testing.T) {
		c := newCourt(t)
		f := tierstest.Version(private, "")
		c.all(t, private, f, "excluded", "ok", "excluded", "excluded")
		if asked := c.database.wasAsked(); len(asked) > 0 {
			t.Errorf("asked for %q", asked)
		}
	})
	t.Run("without a database only form is checked", func(t *testing.T) {
		var v tiers.Verifier
		f := tierstest.Version(version, "")
		if err := v.CheckVersion(t.Context(), version, f); err != nil {
			t.Errorf("sound files: got error %v", err)
		}
		f.Info = []byte("{}")
		if err := v.CheckVersion(t.Context(), version, f); !errors.Is(err, tiers.ErrCorrupt) {
			t.Errorf("an info of nothing: got error %v, want ErrCorrupt", err)
		}
	})
	t.Run("a go.mod that nobody vouches for is one, and the one within the zip", func(t *testing.T) {
		c := newCourt(t)
		f := tierstest.Version(private, "")
		for _, bad := range []string{"", "\n", "<html>\n", "go 1.20\n", "module \"\n", "module x y z\n"} {
			f.Mod = []byte(bad)
			c.rules(t, fmt.Sprintf("%q", bad), c.CheckVersion(t.Context(), private, tiers.Files{Mod: f.Mod}), "corrupt")
		}
		f.Mod = tierstest.Version(private, "other").Mod
		c.all(t, private, f, "corrupt", "ok", "excluded", "excluded")
		f.Zip = zipNamed(t, private, entry{"README", "no go.mod at all"})
		c.all(t, private, f, "excluded", "ok", "excluded", "excluded")
		old := module.Version{Path: private.Path, Version: "v2.0.0+incompatible"}
		f = tierstest.Version(old, "")
		f.Zip = zipNamed(t, old, entry{"go.mod", "module private.example.com/m/v2\n"})
		c.all(t, old, f, "excluded", "ok", "excluded", "excluded")
	})
	t.Run("a file that is missing is corrupt", func(t *testing.T) {
		c := newCourt(t)
		f := tierstest.Version(private, "")
		c.rules(t, "no info", c.CheckVersion(t.Context(), private, tiers.Files{Mod: f.Mod, Zip: f.Zip}), "corrupt")
		c.rules(t, "no go.mod", c.CheckVersion(t.Context(), private, tiers.Files{Info: f.Info, Zip: f.Zip}), "corrupt")
		c.rules(t, "nothing", c.CheckVersion(t.Context(), private, tiers.Files{}), "corrupt")
	})
	t.Run("a small file that is large is not read", func(t *testing.T) {
		c := newCourt(t)
		for _, r := range []tiers.Ref{info, mod} {
			c.rules(t, r.String(), c.Check(t.Context(), r, unreadable{}, 1<<40), "corrupt")
		}
	})
	t.Run("a file that cannot be read is not called corrupt", func(t *testing.T) {
		c := newCourt(t)
		f := tierstest.Version(private, "")
		for _, k := range tierstest.Kinds {
			err := c.Check(t.Context(), tierstest.Ref(private, k), unreadable{}, 100)
			c.rules(t, k.String(), err, "error")
			if !errors.Is(err, errSick) {
				t.Errorf("%s: got error %v, want the file's", k, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := c.CheckVersion(ctx, private, f)
		c.rules(t, "a caller that left", err, "error")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want context.Canceled", err)
		}
		cut := leaving{f.Zip, f.Zip.Size() / 2}
		c.rules(t, "half a zip", c.Check(t.Context(), tierstest.Ref(private, tiers.Zip), cut, f.Zip.Size()), "error")
	})
}

// An unreadable file lies on a disk that is broken.
type unreadable struct{}

func (unreadable) ReadAt([]byte, int64) (int, error) { return 0, errSick }

// A leaving file cannot be read before its end.
type leaving struct {
	io.ReaderAt
	from int64
}

func (l leaving) ReadAt(p []byte, off int64) (int, error) {
	if off < l.from {
		return 0, errSick
	}
	return l.ReaderAt.ReadAt(p, off)
}
