package direct

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/modtier/modtier/tiers/internal/web"
)

const (
	maxOut  = 16 << 20 // what the list of a module's versions may have
	maxErr  = 64 << 10
	lastGap = 5 * time.Second // for the output of what was killed
)

// goCommand runs the go command in r. That it failed is no error as long as it
// says why on its standard output, in JSON.
func (f *Fetcher) goCommand(ctx context.Context, r *room, args ...string) ([]byte, error) {
	select {
	case f.workers <- struct{}{}:
		defer func() { <-f.workers }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for one of %d workers: %w", cap(f.workers), context.Cause(ctx))
	}
	binary, err := exec.LookPath(f.goBinary())
	if err != nil {
		return nil, fmt.Errorf("GoBinary: %w", err)
	}
	out, err := f.run(ctx, r, root(r.dir), nil, binary, args...)
	if _, ok := errors.AsType[*failure](err); ok && len(bytes.TrimSpace(out)) > 0 {
		return out, nil
	}
	return out, err
}

// root is a directory with no go.mod above it.
func root(dir string) string { return filepath.VolumeName(dir) + string(filepath.Separator) }

// git runs git in a clone.
func (f *Fetcher) git(ctx context.Context, r *room, dir string, stdin io.Reader, args ...string) ([]byte, error) {
	return f.run(ctx, r, dir, stdin, r.program("git"), append([]string{"--git-dir=" + dir}, args...)...)
}

// program finds a program where the go command finds it: in the PATH of r.
func (r *room) program(name string) string {
	for _, pair := range slices.Backward(r.env) {
		path, ok := strings.CutPrefix(pair, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return found
			}
		}
		break
	}
	return name
}

// A failure is a command that ended, and not well.
type failure struct {
	err  error
	text string // what it said
}

func (e *failure) Error() string {
	if e.text == "" {
		return e.err.Error()
	}
	return e.err.Error() + ": " + e.text
}

// run runs a command and all that it starts, of which nothing remains after.
func (f *Fetcher) run(ctx context.Context, r *room, dir string, stdin io.Reader, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.WaitDelay = dir, r.env, stdin, lastGap
	out, stderr := &bounded{limit: maxOut}, &bounded{limit: maxErr}
	cmd.Stdout, cmd.Stderr = out, stderr
	group(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	err := cmd.Wait()
	killGroup(cmd) // that there is nobody left to kill is the usual case
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return out.b.Bytes(), &failure{err, stderr.b.String()}
	case out.cut:
		return nil, fmt.Errorf("%s said more than %d MiB", filepath.Base(name), maxOut>>20)
	}
	return out.b.Bytes(), nil
}

// A bounded writer takes all and keeps the beginning.
type bounded struct {
	b     bytes.Buffer
	limit int
	cut   bool
}

func (w *bounded) Write(p []byte) (int, error) {
	fits := min(len(p), w.limit-w.b.Len())
	w.cut = w.cut || fits < len(p)
	w.b.Write(p[:fits])
	return len(p), nil
}

// scrub is for errors of our own files and programs: neither an absence, which
// nobody asserted, nor with credentials.
func scrub(err error) error { return web.Scrub(err) }
