package e2e

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestGoRunInFreshClone does what the README begins with: go run . in a copy of the
// sources, without a configuration and with empty caches of modules. The build
// cache is the machine's, for that the compiler works is not the question.
func TestGoRunInFreshClone(t *testing.T) {
	long(t)
	t.Parallel()
	real := realUpstream(t)
	c := newOpenGo(t, goSettings().GOPROXY, "")
	clone := filepath.Join(t.TempDir(), "clone")
	copySources(t, clone)
	home := newHome(t)
	cmd := exec.Command("go", "run", ".", "--listen", "127.0.0.1:0") // :3000 may be somebody's
	cmd.Dir = clone
	cmd.Env = append(c.env, "GOFLAGS=-modcacherw", "HOME="+home, "MODTIER_DISK_FREE=0")
	// Beside all other tests the download and the compiling can take longer than
	// one waits for a program to say its first word.
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", os.DevNull, ".")
	build.Dir, build.Env = cmd.Dir, cmd.Env
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	// The go command passes no signal on, so both of them are to get it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // what is left of it
	g := launch(t, cmd)
	use, ok := g.log.await("to use it", g.exited)
	if !ok {
		t.Fatal("modtier does not say how to use it")
	}
	command := strings.Fields(use["run"].(string))

	// A person pastes the line that it prints, into a go command of their own.
	p := newGo(t, "", "testdata/all/go.mod")
	p.env = slices.DeleteFunc(p.env, func(v string) bool { return strings.HasPrefix(v, "GOPROXY=") })
	p.env = append(p.env, "GOENV="+filepath.Join(t.TempDir(), "goenv"))
	p.run(command[1:]...)
	path, version := firstRequired(t, "testdata/all/go.mod")
	p.run("mod", "download", path+"@"+version)
	if got := g.metric("modtier_requests_total", `kind="zip"`, `code="200"`); got == 0 {
		t.Errorf("zips served: got %v; the go command did not ask modtier, but perhaps %s", got, real.Host)
	}
	cache := filepath.Join(home, ".cache/modtier", path, version, "source.zip")
	if _, err := os.Stat(cache); err != nil {
		t.Errorf("in the default directory: %v", err)
	}
	syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
	g.ends() // with the status of a go command that was interrupted
	if _, ok := g.log.await("ended", g.exited); !ok {
		t.Error("modtier has not ended by itself")
	}
}

// copySources copies what a clone of the repository has, but for the tests here.
func copySources(t *testing.T, to string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (name == "e2e" || name == ".git") {
			return fs.SkipDir
		}
		if !e.Type().IsRegular() || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(filepath.Join("..", name))
		if err == nil {
			put(t, filepath.Join(to, name), b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
