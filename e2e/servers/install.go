//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A program is an executable that a server needs, or tests do.
type program struct {
	name string
	get  func(ctx context.Context, name string) (path string, err error) // installs it if need be
}

// variable names the program's path for the tests.
func (p program) variable() string {
	return "MODTIER_TEST_" + strings.ToUpper(strings.ReplaceAll(p.name, "-", "_")) + "_BIN"
}

// install gets the programs of those of wanted that are not given, and returns
// the servers that have all they need, and the programs' paths as variables.
func install(ctx context.Context, wanted []server) (installed []server, env []string, missing bool) {
	for _, s := range wanted {
		if s.given() {
			continue
		}
		var got []string
		var err error
		for _, p := range s.programs {
			path := os.Getenv(p.variable())
			if path == "" {
				path, err = p.get(ctx, p.name)
			}
			if err != nil {
				break
			}
			got = append(got, p.variable()+"="+path)
		}
		if err != nil {
			say("without %s: %v", s.name, err)
			missing = true
			continue
		}
		installed, env = append(installed, s), append(env, got...)
	}
	return installed, env, missing
}

// tool builds a package of the Go module in dir, at the versions that its
// go.mod and go.sum pin.
func tool(dir, pkg string) func(context.Context, string) (string, error) {
	return func(ctx context.Context, name string) (string, error) {
		version, err := output(ctx, dir, nil, "go", "env", "GOVERSION", "GOOS", "GOARCH")
		if err != nil {
			return "", err
		}
		return cached(ctx, dir, version, name, func(to string) error {
			_, err := output(ctx, dir, []string{"GOWORK=off", "CGO_ENABLED=0"},
				"go", "build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", to+"/", pkg)
			if err != nil {
				return err
			}
			// The go command names it after the package, which may be "server".
			built, err := filepath.Glob(filepath.Join(to, "*"))
			if err != nil || len(built) != 1 {
				return fmt.Errorf("building %s left %q: %w", pkg, built, err)
			}
			return os.Rename(built[0], filepath.Join(to, name))
		})
	}
}

// npm installs what the lock file in dir pins, of which file is one in node_modules.
// No package's install script runs.
func npm(dir, file string) func(context.Context, string) (string, error) {
	return func(ctx context.Context, name string) (string, error) {
		version, err := output(ctx, dir, nil, "node", "--version")
		if err != nil {
			return "", err
		}
		return cached(ctx, dir, version, filepath.Join("node_modules", file), func(to string) error {
			if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
				return err
			}
			_, err := output(ctx, to, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
			return err
		})
	}
}

// debian returns the command of that name, from Debian packages if it is not there.
func debian(pkgs ...string) func(context.Context, string) (string, error) {
	return func(ctx context.Context, name string) (string, error) {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		unlock, err := lock()
		if err != nil {
			return "", err
		}
		defer unlock()
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		if _, err := exec.LookPath("apt-get"); err != nil || os.Getuid() != 0 {
			return "", fmt.Errorf("%s is not installed, and only root can do so with apt-get", name)
		}
		say("installing %s", strings.Join(pkgs, " "))
		if _, err := output(ctx, "", nil, "apt-get", "update", "-qq"); err != nil {
			return "", err
		}
		_, err = output(ctx, "", []string{"DEBIAN_FRONTEND=noninteractive"},
			"apt-get", append([]string{"install", "-y", "-qq", "--no-install-recommends"}, pkgs...)...)
		if err != nil {
			return "", err
		}
		return exec.LookPath(name)
	}
}

// cached returns the path of file in the cache. If it is not there, fill makes
// it in a directory that is then renamed, so that what is there is whole. Its
// place depends on the content of dir and on the version of what builds it.
func cached(ctx context.Context, dir, version, file string, fill func(to string) error) (string, error) {
	root, err := cache()
	if err != nil {
		return "", err
	}
	sum, err := hash(dir, version+"\n"+file)
	if err != nil {
		return "", err
	}
	place := filepath.Join(root, sum)
	path := filepath.Join(place, file)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	unlock, err := lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil // another run has made it
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	say("installing %s, once, which may take minutes", filepath.Base(file))
	temp := filepath.Join(root, "unfinished") // the lock makes it ours
	for _, remains := range []string{temp, place} {
		if err := os.RemoveAll(remains); err != nil {
			return "", err
		}
	}
	if err := os.Mkdir(temp, 0o777); err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	if err := fill(temp); err != nil {
		return "", err
	}
	return path, os.Rename(temp, place)
}

// hash returns a sum of the files in dir and of what else matters.
func hash(dir, more string) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		fmt.Fprintf(h, "%x %s\n", sha256.Sum256(b), name)
		return err
	})
	fmt.Fprintf(h, "%s\n", more)
	return fmt.Sprintf("%x", h.Sum(nil)[:10]), err
}

// lock waits until no other run installs.
func lock() (unlock func(), err error) {
	root, err := cache()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(root, "lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, err
		}
	}
}

// cache returns the directory of what is installed.
func cache() (string, error) {
	root, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	root = filepath.Join(root, "modtier-e2e")
	return root, os.MkdirAll(root, 0o777)
}

// output runs a command in dir, with env added to ours. Its error is one line,
// with the last that the command said.
func output(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.SysProcAttr = own()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = grace
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s: %w", name, ctx.Err())
	case err != nil:
		return "", fmt.Errorf("%s: %w: %s", name, err, lastWords(stderr.String()))
	}
	return stdout.String(), nil
}

// lastWords makes one line of the end of what a command said.
func lastWords(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	words := strings.Join(lines[max(0, len(lines)-4):], " | ")
	return words[max(0, len(words)-500):]
}
