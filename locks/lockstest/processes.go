package lockstest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/modtier/modtier/locks"
)

// What a process of [Processes] is told: its part, the name, and where to count.
const (
	partVariable = "MODTIER_LOCKSTEST_PART"
	nameVariable = "MODTIER_LOCKSTEST_NAME"
	dirVariable  = "MODTIER_LOCKSTEST_DIR"
)

const (
	processes = 16
	rounds    = 5
)

// Processes tests that processes exclude each other, and that the death of one
// that holds the lock does not keep the others out. It runs the test t in 16 more
// processes, so it must be all that t does; open is called in each, and must not
// depend on what t did before, but for what is [Shared].
func Processes(t *testing.T, open func(t testing.TB) locks.Locker) {
	switch os.Getenv(partVariable) {
	case "count":
		count(t, open(t), os.Getenv(nameVariable), os.Getenv(dirVariable))
		return
	case "hold":
		hold(t, open(t), os.Getenv(nameVariable))
		return
	}
	open(t) // skips t if there is no service
	name, dir := name(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "counter"), []byte("0"), 0o666); err != nil {
		t.Fatal(err)
	}
	holder := start(t, "hold", name, dir)
	holder.until(t, "held")
	counters := make([]*process, processes)
	for i := range counters {
		counters[i] = start(t, "count", name, dir)
	}
	for _, p := range counters {
		p.until(t, "ready")
	}
	if err := holder.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, p := range counters {
		rest, _ := io.ReadAll(p.out)
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("a process: %v\n%s", err, rest)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "counter"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), strconv.Itoa(processes*rounds); got != want {
		t.Errorf("%d processes counted to %s under the lock, want %s", processes, got, want)
	}
}

// count adds to the number in a file, in a way that only the lock makes right.
func count(t *testing.T, l locks.Locker, name, dir string) {
	file, inside := filepath.Join(dir, "counter"), filepath.Join(dir, "inside")
	fmt.Println("ready")
	for range rounds {
		held, unlock := lock(t, l, name)
		f, err := os.OpenFile(inside, os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			t.Fatal("two processes hold it at once")
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(string(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strconv.Itoa(n+1)), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(inside); err != nil {
			t.Fatal(err)
		}
		if err := context.Cause(held); err != nil {
			t.Fatal(err)
		}
		unlock()
	}
}

// hold holds the lock until it is killed, or its parent is gone.
func hold(t *testing.T, l locks.Locker, name string) {
	lock(t, l, name)
	fmt.Println("held")
	io.Copy(io.Discard, os.Stdin)
	t.Fatal("was not killed")
}

// Shared returns what made returns, to t and to the processes that it starts.
func Shared(t testing.TB, made func() string) string {
	variable := "MODTIER_LOCKSTEST_SHARED_" + t.Name()
	if s := os.Getenv(variable); s != "" {
		return s
	}
	s := made()
	os.Setenv(variable, s) // t.Setenv would keep t from running beside other tests
	t.Cleanup(func() { os.Unsetenv(variable) })
	return s
}

type process struct {
	cmd *exec.Cmd
	out *bufio.Reader
}

func start(t *testing.T, part, name, dir string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0],
		"-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.count=1", "-test.timeout=3m")
	cmd.Env = append(os.Environ(), partVariable+"="+part, nameVariable+"="+name, dirVariable+"="+dir)
	if _, err := cmd.StdinPipe(); err != nil { // its end is this process's end
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return &process{cmd, bufio.NewReader(out)}
}

// until reads what p says up to word.
func (p *process) until(t *testing.T, word string) {
	t.Helper()
	var said strings.Builder
	for {
		line, err := p.out.ReadString('\n')
		said.WriteString(line)
		if strings.TrimSpace(line) == word {
			return
		}
		if err != nil {
			t.Fatalf("a process did not get as far as %q: %v\n%s", word, err, &said)
		}
	}
}
