package direct_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/direct"
)

// spy is a go command that says what it was given.
func spy(t *testing.T) (binary, out string) {
	t.Helper()
	dir := t.TempDir()
	binary, out = filepath.Join(dir, "go"), filepath.Join(dir, "out")
	script := "#!/bin/sh\n{ env; echo ARGS \"$@\"; echo CWD $PWD; ls -l $HOME/.netrc $HOME/.hgrc; cat $HOME/.netrc $HOME/.hgrc; } > " + out +
		"\necho '{\"Error\": \"sesame: no answer to '\"$HOME\"'\"}'; exit 1\n"
	if err := os.WriteFile(binary, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return binary, out
}

func TestCredentials(t *testing.T) {
	t.Run("a private repository opens to the netrc file", func(t *testing.T) {
		f := newForge(t)
		f.user = "me:sesame"
		f.module("one", "v1.0.0")
		netrc := filepath.Join(t.TempDir(), "netrc")
		if err := os.WriteFile(netrc, []byte("machine 127.0.0.1 login me password sesame\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		wantFiles(t, f.fetcher(func(d *direct.Fetcher) { d.Netrc = netrc }), "github.com/acme/one", "v1.0.0", "a.go", "go.mod")
		wantFiles(t, f.fetcher(func(d *direct.Fetcher) { d.Netrc, d.Env = "", append(d.Env, "NETRC="+netrc) }), "github.com/acme/one", "v1.0.0", "a.go", "go.mod")
	})
	t.Run("a private repository without credentials, or with wrong ones, is an outage", func(t *testing.T) {
		f := newForge(t)
		f.user = "me:open sesame"
		f.module("one", "v1.0.0")
		_, err := read(within(t), f.fetcher(), "github.com/acme/one", "v1.0.0", tiers.Mod)
		wantLost(t, err)
		netrc := filepath.Join(t.TempDir(), "netrc")
		if err := os.WriteFile(netrc, []byte("machine 127.0.0.1 login me password sesame\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = read(within(t), f.fetcher(func(d *direct.Fetcher) { d.Netrc = netrc }), "github.com/acme/one", "v1.0.0", tiers.Mod)
		wantLost(t, err)
	})
	t.Run("what credentials a URL of git's settings has is not in errors", func(t *testing.T) {
		f := newForge(t)
		f.down.Store(true)
		d := f.fetcher(func(d *direct.Fetcher) {
			for i, pair := range d.Env {
				d.Env[i] = strings.ReplaceAll(pair, "//127", "//me:sesame@127")
			}
		})
		_, err := read(within(t), d, "github.com/acme/one", "v1.0.0", tiers.Mod)
		wantLost(t, err)
	})
	t.Run("the go command has what it needs and nothing else", func(t *testing.T) {
		t.Setenv("AWS_SECRET_ACCESS_KEY", "open")
		t.Setenv("GOPROXY", "https://proxy.example")
		t.Setenv("GOFLAGS", "-mod=vendor")
		t.Setenv("SSH_AUTH_SOCK", "/agent")
		netrc := filepath.Join(t.TempDir(), "netrc")
		if err := os.WriteFile(netrc, []byte("machine a login b password c\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		binary, out := spy(t)
		d := &direct.Fetcher{
			Go: binary, Dir: t.TempDir(), Netrc: netrc, HGRC: netrc, GithubToken: "sesame",
			Env: []string{"GOPROXY=https://elsewhere.example", "GOSUMDB=x", "GOTOOLCHAIN=auto", "HOME=/", "GOPRIVATE=a.example", "GOFLAGS=-x", "GOVCS=*:all", "GIT_SSH_COMMAND=myssh"},
		}
		defer d.Close()
		_, err := d.Query(within(t), "github.com/acme/one", "main")
		wantLost(t, err)
		b := string(must[[]byte](t)(os.ReadFile(out)))
		lines := strings.Split(b, "\n")
		for _, want := range []string{
			"GOPROXY=direct", "GOSUMDB=off", "GOTOOLCHAIN=local", "GOFLAGS=-x -modcacherw", "GOPRIVATE=a.example", "GOVCS=*:all",
			"GIT_TERMINAL_PROMPT=0", "GIT_SSH_COMMAND=myssh", "SSH_AUTH_SOCK=/agent", "GOENV=off",
			"ARGS list -m -e -json -- github.com/acme/one@main", "CWD /",
			"machine github.com login x-access-token password sesame", "machine a login b password c",
		} {
			if !slices.Contains(lines, want) {
				t.Errorf("no %q", want)
			}
		}
		for _, bad := range []string{"AWS_", "example/", "elsewhere", "HOME=/\n", "vendor"} {
			if strings.Contains(b, bad) {
				t.Errorf("there is %q", bad)
			}
		}
		if n := strings.Count(b, "-rw------- "); n != 2 {
			t.Errorf("%d of 2 files are private:\n%s", n, b)
		}
		if t.Failed() {
			t.Log(b)
		}
	})
}
