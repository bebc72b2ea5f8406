package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A goCommand is a go command with caches of its own, in a module.
type goCommand struct {
	t   testing.TB
	dir string // of the module
	mod string // the module cache
	env []string
}

// newGo returns a go command with empty caches that knows one proxy and can
// reach nothing beyond this machine. gomod is the go.mod of its module, or "" for
// an empty one.
func newGo(t testing.TB, proxy, gomod string) *goCommand {
	t.Helper()
	g := newOpenGo(t, proxy, gomod)
	g.env = append(g.env, sealed...)
	return g
}

// newOpenGo is newGo for one that may reach all the world.
func newOpenGo(t testing.TB, proxy, gomod string) *goCommand {
	t.Helper()
	root := t.TempDir()
	g := &goCommand{t: t, dir: filepath.Join(root, "module"), mod: filepath.Join(root, "mod")}
	g.env = environ(t,
		"GOPATH="+filepath.Join(root, "path"),
		"GOMODCACHE="+g.mod,
		"GOCACHE="+goSettings().GOCACHE,
		"GOPROXY="+proxy,
		// Made-up modules are in no checksum database.
		"GONOSUMDB="+strings.TrimPrefix(goSettings().GONOSUMDB+",example.com", ","),
		"GOVCS=*:off",
		// A module cache that can be removed as other directories are.
		"GOFLAGS=-mod=mod -modcacherw",
		// The go command reads as many go.mod files at once as it has
		// processors: with few of them, it would mostly wait.
		"GOMAXPROCS=32",
	)
	content := []byte("module example.com/main\n\ngo 1.26\n")
	if gomod != "" {
		var err error
		if content, err = os.ReadFile(gomod); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(g.dir, "go.mod"), content)
	return g
}

// run runs the command and returns what it prints.
func (g *goCommand) run(args ...string) string {
	g.t.Helper()
	out, err := g.try(args...)
	if err != nil {
		g.t.Fatal(err)
	}
	return out
}

// try is run for a command that may fail. The error tells what it said.
func (g *goCommand) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = g.dir, g.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return stdout.String(), nil
}

// cached returns a file of a version as it is in the module cache, or nil.
func (g *goCommand) cached(v version, kind string) []byte {
	b, err := os.ReadFile(filepath.Join(g.mod, "cache/download", filepath.FromSlash(v.url(kind))))
	if err != nil {
		return nil
	}
	return b
}
