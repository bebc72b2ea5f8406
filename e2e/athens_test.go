package e2e

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// beyond counts the connections to where a gateway would look for more: its GOPROXY,
// and the proxy on the way to every other host.
type beyond struct {
	url   string
	count atomic.Int64
}

func newBeyond(t *testing.T) *beyond {
	b := new(beyond)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			b.count.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	b.url = s.URL
	return b
}

func (b *beyond) environ() (env []string) {
	for _, name := range []string{"GOPROXY", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		env = append(env, name+"="+b.url)
	}
	return append(env, "NO_PROXY=", "no_proxy=")
}

// TestAnAthensDiskStoreIsServedWithoutUpstream starts modtier as a site starts
// Athens, over a directory that Athens has left, and builds a program out of it.
func TestAnAthensDiskStoreIsServedWithoutUpstream(t *testing.T) {
	t.Parallel()
	sample, err := os.ReadFile("../config/testdata/athens.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		claim string
		name  string   // of the configuration file in the working directory, or ""
		args  []string // in which FILE is its path
		env   []string // in which ROOT is the directory
	}{
		{"with a file that a flag names", "config.toml", []string{"-config_file", "FILE"}, nil},
		{"with the flag in one word", "config.toml", []string{"-config_file=FILE"}, nil},
		{"with the file in the working directory", "athens.toml", nil, nil},
		{"with variables only", "", nil, []string{"ATHENS_STORAGE_TYPE=disk", "ATHENS_DISK_STORAGE_ROOT=ROOT", "ATHENS_NETWORK_MODE=offline", "ATHENS_PORT=127.0.0.1:0"}},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			t.Parallel()
			root, dir, beyond := athensDirectory(t), t.TempDir(), newBeyond(t)
			file := filepath.Join(dir, tc.name)
			cmd := exec.Command(binary(t))
			cmd.Dir = dir
			cmd.Env = append(environ(t), beyond.environ()...)
			for _, a := range tc.args {
				cmd.Args = append(cmd.Args, strings.Replace(a, "FILE", file, 1))
			}
			for _, v := range tc.env {
				cmd.Env = append(cmd.Env, strings.Replace(v, "=ROOT", "="+root, 1))
			}
			if tc.name != "" {
				put(t, file, setKeys(t, sample, map[string]string{
					"GoEnv": `"production"`, "StorageType": `"disk"`, "NetworkMode": `"offline"`, "Port": `"127.0.0.1:0"`, "RootPath": fmt.Sprintf("%q", root),
				}))
				if err := os.Chmod(file, 0o644); err != nil { // or production refuses it
					t.Fatal(err)
				}
			}
			before := tree(t, root)
			g := launch(t, cmd)
			buildsFrom(t, g)
			if n := beyond.count.Load(); n > 0 {
				t.Errorf("%d connections were made to somewhere else", n)
			}
			g.stop()
			if n := beyond.count.Load(); n > 0 {
				t.Errorf("%d connections were made to somewhere else in the end", n)
			}
			after := tree(t, root)
			for _, name := range slices.Sorted(maps.Keys(before)) {
				if after[name] != before[name] {
					t.Errorf("%s was %s, and is %s", name, before[name], after[name])
				}
				delete(after, name)
			}
			for name := range after {
				t.Errorf("%s has come", name)
			}
		})
	}
}

// setKeys gives keys of a file other values.
func setKeys(t *testing.T, content []byte, values map[string]string) []byte {
	t.Helper()
	lines := strings.Split(string(content), "\n")
	for i, line := range lines {
		key, _, ok := strings.Cut(line, " = ")
		name := strings.TrimSpace(key)
		if value, set := values[name]; ok && set {
			lines[i] = key + " = " + value
			delete(values, name) // of two of one name the first is meant: a database has a Port too
		}
	}
	if len(values) > 0 {
		t.Fatalf("the file lacks %v", values)
	}
	return []byte(strings.Join(lines, "\n"))
}

// buildsFrom has a go command build and run a program of what g serves, and ask for
// more than a build needs.
func buildsFrom(t *testing.T, g *gateway) {
	t.Helper()
	c := newGo(t, g.url, "")
	put(t, filepath.Join(c.dir, "main.go"), []byte(program))
	c.run("get", "example.com/Greet/Hello@latest")
	c.run("mod", "tidy")
	if got := c.run("run", "."); got != "HELLO!\n" {
		t.Errorf("the program says %q", got)
	}
	if out := c.run("mod", "verify"); out != "all modules verified\n" {
		t.Errorf("go mod verify: got %q", out)
	}
	const graph = "example.com/Greet/Hello v1.2.0\nexample.com/main \nexample.com/old v3.0.0+incompatible\nexample.com/text/v2 v2.0.1\nexample.com/untagged v0.0.0-20260102030405-abcdefabcdef\n"
	modules := strings.SplitAfter(c.run("list", "-m", "-f", "{{.Path}} {{.Version}}", "all"), "\n")
	slices.Sort(modules)
	if got := strings.Join(modules, ""); got != graph {
		t.Errorf("the modules are %s, want %s", got, graph)
	}
	for path, want := range map[string]string{
		"example.com/Greet/Hello": " v1.2.0 v1.3.0-RC1",
		"example.com/text":        " v1.0.0 v1.9.0 v1.10.0", // though something lies next to the files of the first
		"example.com/text/v2":     " v2.0.1",
		"example.com/old":         " v3.0.0+incompatible",
		"example.com/untagged":    "", // a pseudo-version is in no list
	} {
		if got := c.run("list", "-m", "-versions", path); got != path+want+"\n" {
			t.Errorf("go list -m -versions: got %q, want %q", got, path+want)
		}
	}
	if got := c.run("list", "-m", "example.com/untagged@latest"); got != "example.com/untagged v0.0.0-20260102030405-abcdefabcdef\n" {
		t.Errorf("go list -m @latest: got %q", got)
	}
	for _, q := range []string{"example.com/absent@v1.0.0", "example.com/torn@v1.0.0", "example.com/partial@v1.0.0", "example.com/greet/hello@v1.2.0", "example.com/text@v1.0.1"} {
		if got := newGo(t, g.url, "").download(q); !strings.HasPrefix(got, "error: ") || !strings.Contains(got, "404 Not Found") {
			t.Errorf("%s: the go command reports %q, want a 404", q, got)
		}
	}
	if status, text, err := g.get("/example.com/partial/@v/v1.0.0.mod"); err != nil || status != http.StatusOK || string(text) != "module example.com/partial\n" {
		t.Errorf("the go.mod that is there alone: got status %d, %q, %v", status, text, err)
	}
}
