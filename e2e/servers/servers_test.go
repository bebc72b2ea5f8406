//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built is the path of the command.
var built string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "modtier-servers-test-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		built = filepath.Join(dir, "servers")
		if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", built, ".").CombinedOutput(); err != nil {
			panic(string(out))
		}
		return m.Run()
	}())
}

// A trial is one use of the command.
type trial struct {
	*exec.Cmd
	stderr strings.Builder
	temp   string // where it has its temporary directory
}

// newTrial prepares a use. Of our environment it has nothing that is meant for tests.
func newTrial(t *testing.T, env []string, args ...string) *trial {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // toxiproxy may have to be built
	t.Cleanup(cancel)
	u := &trial{Cmd: exec.CommandContext(ctx, built, args...), temp: t.TempDir()}
	u.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "MODTIER_") })
	u.Env = append(append(u.Env, "TMPDIR="+u.temp), env...)
	u.Stderr = &u.stderr
	return u
}

// ends runs it to its end, wants that exit code, and returns what COMMAND wrote.
func (u *trial) ends(t *testing.T, want int) string {
	t.Helper()
	out, err := u.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := u.ProcessState.ExitCode(); got != want {
		t.Errorf("exit code: got %d, want %d\n%s", got, want, u.stderr.String())
	}
	return string(out)
}

func TestExitCodeIsCommands(t *testing.T) {
	u := newTrial(t, nil, "-only", "toxiproxy", "--", "sh", "-c", "exit 7")
	u.ends(t, 7)
}

func TestWrongUseStartsNothing(t *testing.T) {
	for _, args := range [][]string{{}, {"-only", "toxiproxy"}, {"-only", "nosuch", "--", "echo", "ran"}} {
		u := newTrial(t, nil, args...)
		if out := u.ends(t, 2); out != "" {
			t.Errorf("%q: COMMAND ran", args)
		}
		if !strings.Contains(u.stderr.String(), "toxiproxy") {
			t.Errorf("%q: got %q, want the names of the servers", args, u.stderr.String())
		}
	}
}

func TestVariableThatIsSetIsKept(t *testing.T) {
	const echo = "echo $MODTIER_TEST_TOXIPROXY_URL,$MODTIER_TEST_TOXIPROXY_BIN"
	u := newTrial(t, []string{"MODTIER_TEST_TOXIPROXY_URL=http://mine"}, "-only", "toxiproxy", "--", "sh", "-c", echo)
	if got, want := u.ends(t, 0), "http://mine,\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	entries, err := os.ReadDir(u.temp)
	if err != nil || len(entries) > 0 {
		t.Errorf("left in the temporary directory: %v, %v", entries, err)
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	const tell = "echo $MODTIER_TEST_TOXIPROXY_URL; "
	for _, test := range []struct {
		name, script string
		signal       syscall.Signal // to the command; 0 if COMMAND ends by itself
		code         int
	}{
		{"after COMMAND ended", "true", 0, 0},
		{"after COMMAND ended and left what ignores SIGTERM", `trap "" TERM; sleep 600 & exit 3`, 0, 3},
		{"after COMMAND was killed", "sleep 600 & kill -KILL $$", 0, 128 + 9},
		{"after SIGTERM", "sleep 600; true", syscall.SIGTERM, 128 + 15},
		{"after SIGINT", "sleep 600; true", syscall.SIGINT, 128 + 15},
		{"after SIGKILL", "exec sleep 600", syscall.SIGKILL, -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			u := newTrial(t, nil, "-only", "toxiproxy", "--", "sh", "-c", tell+test.script)
			pipe, err := u.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := u.Start(); err != nil {
				t.Fatal(err)
			}
			out := bufio.NewReader(pipe)
			line, err := out.ReadString('\n')
			if err != nil {
				t.Fatalf("COMMAND said nothing: %v\n%s", err, u.stderr.String())
			}
			if test.signal != 0 {
				u.Process.Signal(test.signal)
			}
			// All that COMMAND started has this pipe, so at its end none is left.
			if _, err := io.Copy(io.Discard, out); err != nil {
				t.Fatal(err)
			}
			u.Wait()
			if got := u.ProcessState.ExitCode(); got != test.code {
				t.Errorf("exit code: got %d, want %d\n%s", got, test.code, u.stderr.String())
			}

			addr := strings.TrimPrefix(strings.TrimSpace(line), "http://")
			for deadline := time.Now().Add(time.Minute); ; {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					break
				}
				conn.Close()
				// After SIGKILL it is for the kernel to end it, who may take a moment.
				if test.signal != syscall.SIGKILL || time.Now().After(deadline) {
					t.Fatalf("the server still accepts at %s", addr)
				}
			}
			if entries, err := os.ReadDir(u.temp); err != nil || len(entries) > 0 && test.signal != syscall.SIGKILL {
				t.Errorf("left in the temporary directory: %v, %v", entries, err)
			}
		})
	}
}

func TestSkipsCloseTheRunByName(t *testing.T) {
	const skip = `printf 'TestB: no x\nTestA: no x\nTestB: no x\n' >>"$MODTIER_TEST_SKIPS"`
	for env, code := range map[string]int{"MODTIER_E2E=": 0, "MODTIER_E2E=require": 1} {
		u := newTrial(t, []string{env}, "-only", "toxiproxy", "--", "sh", "-c", skip)
		u.ends(t, code)
		if want := "skipped: TestA: no x\nskipped: TestB: no x\n"; !strings.Contains(u.stderr.String(), want) {
			t.Errorf("%s: got %q, want %q in it", env, u.stderr.String(), want)
		}
	}
}

func TestWhatCannotBeHadIsLeftOut(t *testing.T) {
	noNode := "PATH=" + t.TempDir()
	for _, test := range []struct {
		env, out string
		code     int
	}{
		{"MODTIER_E2E=", "ran\n", 0},
		{"MODTIER_E2E=require", "", 1},
	} {
		u := newTrial(t, []string{noNode, test.env}, "-only", "azurite", "--", "/bin/sh", "-c", "echo ran")
		if out := u.ends(t, test.code); out != test.out {
			t.Errorf("%s: COMMAND wrote %q, want %q", test.env, out, test.out)
		}
		got := u.stderr.String()
		if !strings.HasPrefix(got, "servers: without azurite: ") || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: got %q, want one line that says why", test.env, got)
		}
	}
}

func TestServerThatDoesNotStartIsLeftOut(t *testing.T) {
	u := newTrial(t, []string{"MODTIER_TEST_TOXIPROXY_BIN=/bin/false"}, "-only", "toxiproxy",
		"--", "sh", "-c", "echo url=$MODTIER_TEST_TOXIPROXY_URL")
	if got, want := u.ends(t, 0), "url=\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if want := "servers: without toxiproxy: it has ended by itself: exit status 1"; !strings.Contains(u.stderr.String(), want) {
		t.Errorf("got %q, want %q in it", u.stderr.String(), want)
	}
}

func TestTwoRunsAtOnceInstallOnce(t *testing.T) {
	goCache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"XDG_CACHE_HOME=" + t.TempDir(), "GOCACHE=" + strings.TrimSpace(string(goCache))}
	var said [3]string
	once := func(i int) {
		u := newTrial(t, env, "-only", "toxiproxy", "-install")
		u.ends(t, 0)
		said[i] = u.stderr.String()
	}
	var both sync.WaitGroup
	both.Go(func() { once(0) })
	both.Go(func() { once(1) })
	both.Wait()
	once(2)
	if n := strings.Count(said[0]+said[1], "installing toxiproxy"); n != 1 || said[2] != "" {
		t.Errorf("got %q, want one of the first two to install, and the third to find it", said)
	}
}
