package direct_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/direct"
)

func TestAnswers(t *testing.T) {
	f := newForge(t)
	r := f.module("one", "v1.0.0", "v1.1.0")
	r.commit("v1.2.0", "go.mod", "module github.com/acme/one\n\nretract v1.2.0\n")
	tip := r.commit("")
	r.git("checkout", "-q", "-b", "topic/x", "v1.0.0")
	topic := r.commit("", "t.go", "package a\n")
	d := f.fetcher()
	const path = "github.com/acme/one"

	t.Run("the list has all tagged versions, retracted ones among them", func(t *testing.T) {
		before := f.packsOf("one")
		got := must[[]string](t)(d.Versions(within(t), path))
		if want := []string{"v1.0.0", "v1.1.0", "v1.2.0"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if n := f.packsOf("one") - before; n != 0 {
			t.Errorf("%d packs were sent for a list", n)
		}
	})
	t.Run("latest is no retracted version", func(t *testing.T) {
		if got := version(t, must[[]byte](t)(d.Latest(within(t), path))); got != "v1.1.0" {
			t.Errorf("got %s, want v1.1.0", got)
		}
	})
	t.Run("a branch, a commit and a prefix of a version mean a version", func(t *testing.T) {
		for query, want := range map[string]string{
			"main": r.pseudo("v1.1.1-0.", tip), "topic/x": r.pseudo("v1.0.1-0.", topic),
			topic: r.pseudo("v1.0.1-0.", topic), topic[:9]: r.pseudo("v1.0.1-0.", topic), "v1.0": "v1.0.0",
		} {
			if got := version(t, must[[]byte](t)(d.Query(within(t), path, query))); got != want {
				t.Errorf("%s: got %s, want %s", query, got, want)
			}
		}
		if zips := find(t, d.Dir, "v1.1.0.zip"); len(zips) != 0 {
			t.Errorf("zips were made: %q", zips)
		}
	})
	t.Run("a branch that moved is followed", func(t *testing.T) {
		r.git("checkout", "-q", "main")
		tip := r.commit("")
		if got, want := version(t, must[[]byte](t)(d.Query(within(t), path, "main"))), r.pseudo("v1.1.1-0.", tip); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("a module without a tag has an empty list, and its latest is a commit", func(t *testing.T) {
		n := f.repo("new")
		hash := n.commit("", "go.mod", "module github.com/acme/new\n")
		if got := must[[]string](t)(d.Versions(within(t), "github.com/acme/new")); len(got) != 0 {
			t.Errorf("got %q", got)
		}
		got, want := version(t, must[[]byte](t)(d.Latest(within(t), "github.com/acme/new"))), n.pseudo("v0.0.0-", hash)
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("a tag that did not exist a moment ago is found", func(t *testing.T) {
		if _, err := d.Open(within(t), tiers.Ref{Path: path, Version: "v1.5.0", Kind: tiers.Mod}); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("before: got %v", err)
		}
		r.commit("v1.5.0", "new.go", "package a\n")
		wantFiles(t, d, path, "v1.5.0", "a.go", "go.mod", "new.go")
	})
}

// wantAbsent and wantLost say what an error has to be, and give its words.
func wantAbsent(t *testing.T, err error) string {
	t.Helper()
	if _, ok := errors.AsType[*tiers.AbsentError](err); !ok {
		t.Errorf("got %v, want an absence", err)
	}
	return words(t, err)
}

func wantLost(t *testing.T, err error) string {
	t.Helper()
	if _, ok := errors.AsType[*tiers.UpstreamError](err); !ok || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an outage", err)
	}
	return words(t, err)
}

func words(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	s := err.Error()
	if strings.Contains(s, "modtier-direct") || strings.Contains(s, "sesame") {
		t.Errorf("the error has what is ours: %s", s)
	}
	return s
}

func TestAbsenceAndOutage(t *testing.T) {
	f := newForge(t)
	f.module("one", "v1.0.0")
	f.repo("empty")
	f.repo("other").commit("v1.0.0", "go.mod", "module example.com/elsewhere\n")
	ask := func(d *direct.Fetcher, path, query string) error {
		_, err := d.Query(within(t), path, query)
		return err
	}
	open := func(d *direct.Fetcher, path, v string, k tiers.Kind) error {
		_, err := read(within(t), d, path, v, k)
		return err
	}
	d := f.fetcher()
	t.Run("what a repository lacks is not there, in the words of the go command", func(t *testing.T) {
		for _, err := range []error{
			open(d, "github.com/acme/one", "v1.9.0", tiers.Mod),
			open(d, "github.com/acme/one", "v1.9.0", tiers.Zip),
			open(d, "github.com/acme/one/v2", "v2.0.0", tiers.Info),
			open(d, "github.com/acme/one/sub", "v1.0.0", tiers.Mod),
			ask(d, "github.com/acme/one", "nobranch"),
		} {
			if s := wantAbsent(t, err); !strings.Contains(s, "unknown revision") {
				t.Errorf("said %q", s)
			}
		}
		wantAbsent(t, ask(d, "github.com/acme/one", "v7"))
		wantAbsent(t, ask(d, "github.com/acme/one/sub", "latest"))
		wantAbsent(t, open(d, "github.com/acme/one", "v1.0.1-0.20200101000000-aaaaaaaaaaaa", tiers.Mod))
		wantAbsent(t, ask(d, "github.com/acme/empty", "latest"))
	})
	t.Run("a pseudo-version with the wrong time is not there", func(t *testing.T) {
		r := f.module("two", "v1.0.0")
		hash := r.commit("")
		wantAbsent(t, open(d, "github.com/acme/two", "v1.0.1-0.20200101000000-"+hash[:12], tiers.Mod))
	})
	t.Run("a repository that the server does not know is not there", func(t *testing.T) {
		for _, err := range []error{open(d, "github.com/acme/none", "v1.0.0", tiers.Zip), ask(d, "github.com/acme/none", "latest")} {
			if s := wantAbsent(t, err); !strings.Contains(s, "not found") {
				t.Errorf("said %q", s)
			}
		}
		_, err := d.Versions(within(t), "github.com/acme/none")
		wantAbsent(t, err)
		_, err = d.Versions(within(t), "github.com/acme")
		wantAbsent(t, err)
	})
	t.Run("a server that is down or refuses says nothing about what it has", func(t *testing.T) {
		f.down.Store(true)
		defer f.down.Store(false)
		if s := wantLost(t, open(d, "github.com/acme/one", "v1.0.0", tiers.Mod)); !strings.Contains(s, "503") {
			t.Errorf("said %q", s)
		}
		wantLost(t, ask(d, "github.com/acme/one", "latest"))
		_, err := d.Versions(within(t), "github.com/acme/fresh")
		wantLost(t, err)
	})
	t.Run("a host that cannot be reached says nothing", func(t *testing.T) {
		wantLost(t, open(d, "nobody.example/x", "v1.0.0", tiers.Mod))
		_, err := d.Versions(within(t), "nobody.example/x")
		wantLost(t, err)
	})
	t.Run("after an outage all is as before", func(t *testing.T) {
		wantFiles(t, d, "github.com/acme/one", "v1.0.0", "a.go", "go.mod")
	})
	t.Run("a go command that is missing is no absence, and says which key", func(t *testing.T) {
		for _, name := range []string{"no-such-go", "/no/such/go"} {
			d := f.fetcher(func(d *direct.Fetcher) { d.Go = name })
			if s := wantLost(t, open(d, "github.com/acme/one", "v1.0.0", tiers.Mod)); !strings.Contains(s, "GoBinary") {
				t.Errorf("said %q", s)
			}
		}
	})
	t.Run("a git that is missing is no absence", func(t *testing.T) {
		d := f.fetcher(func(d *direct.Fetcher) { d.Env = append(d.Env, "PATH=/nowhere") })
		if s := wantLost(t, open(d, "github.com/acme/one", "v1.0.0", tiers.Mod)); !strings.Contains(s, "GoBinaryEnvVars") {
			t.Errorf("said %q", s)
		}
	})
	t.Run("a directory that cannot be made is no absence", func(t *testing.T) {
		d := f.fetcher(func(d *direct.Fetcher) { d.Dir = "/dev/null/x" })
		wantLost(t, open(d, "github.com/acme/one", "v1.0.0", tiers.Mod))
	})
	t.Run("credentials files that are set and missing are no absence, and say which key", func(t *testing.T) {
		d := f.fetcher(func(d *direct.Fetcher) { d.Netrc = "/no/such/netrc" })
		if s := wantLost(t, open(d, "github.com/acme/one", "v1.0.0", tiers.Mod)); !strings.Contains(s, "NETRCPath") {
			t.Errorf("said %q", s)
		}
	})
}
