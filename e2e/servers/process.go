//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// grace is how long what is told to stop may take.
const grace = 10 * time.Second

// A process is one that we started. It leads a group of its own, so that what
// it has started is stopped with it.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func launch(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = own()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		cmd.Wait() // ProcessState says how it went
		close(p.done)
	}()
	return p, nil
}

// signal sends s to the group. If that is gone, all the better.
func (p *process) signal(s syscall.Signal) { syscall.Kill(-p.cmd.Process.Pid, s) }

// stop asks the group to end, and ends it.
func (p *process) stop() {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(grace):
	}
	p.kill()
}

// kill ends the group, and waits for its leader.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// command runs COMMAND until it ends, or ctx does, and returns its exit code.
func command(ctx context.Context, args, env []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	p, err := launch(cmd)
	if err != nil {
		say("%v", err)
		return 1
	}
	select {
	case <-p.done:
	case <-ctx.Done():
	}
	p.stop()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()) // as a shell says it
	}
	return cmd.ProcessState.ExitCode()
}

// printSkips tells which tests were skipped, once each, and whether any was.
func printSkips(name string) bool {
	b, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // no test has made it
		say("%v", err)
	}
	lines := strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' })
	slices.Sort(lines)
	for _, line := range slices.Compact(lines) {
		fmt.Fprintln(os.Stderr, "skipped:", line)
	}
	return len(lines) > 0
}
