package e2e

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A gateway is a running modtier.
type gateway struct {
	t      testing.TB
	url    string // without a slash at the end
	dir    string // of the disk tier
	cmd    *exec.Cmd
	log    journal
	exited chan struct{} // closed when the process has ended and all it said is in log
	client *http.Client
}

// options say how a gateway is started. The zero value is one without an
// upstream and with an empty directory.
type options struct {
	upstream string   // a GOPROXY list; "" is off
	open     bool     // it may reach what is beyond this machine
	dir      string   // of the disk tier; "" is a new one
	env      []string // further variables
}

// start starts a gateway, which ends with the test.
func start(t testing.TB, o options) *gateway {
	t.Helper()
	if o.dir == "" {
		o.dir = filepath.Join(t.TempDir(), "disk")
	}
	if o.upstream == "" {
		o.upstream = "off"
	}
	cmd := exec.Command(binary(t), "--listen", "127.0.0.1:0", "--upstream", o.upstream)
	cmd.Env = environ(t)
	if !o.open {
		cmd.Env = append(cmd.Env, sealed...)
	}
	// However full the machine is that runs the tests: what is fetched is kept.
	cmd.Env = append(cmd.Env, "MODTIER_DISK_PATH="+o.dir, "MODTIER_DISK_FREE=0")
	cmd.Env = append(cmd.Env, o.env...)
	g := launch(t, cmd)
	g.dir = o.dir
	return g
}

// launch runs a command that becomes a gateway, and waits until it listens.
func launch(t testing.TB, cmd *exec.Cmd) *gateway {
	t.Helper()
	g := &gateway{t: t, cmd: cmd, exited: make(chan struct{})}
	g.client = &http.Client{Timeout: patience, Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100}}
	cmd.Env = append(cmd.Env, "ATHENS_LOG_FORMAT=json")
	cmd.Stdout, cmd.Stderr = &g.log, &g.log
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait() // how it ended is in cmd.ProcessState
		close(g.exited)
	}()
	t.Cleanup(g.cleanUp)
	line, ok := g.log.await("listening", g.exited)
	if !ok {
		t.Fatal("modtier does not listen")
	}
	g.url = "http://" + line["address"].(string)
	return g
}

// cleanUp ends the gateway, and looks at how it was.
func (g *gateway) cleanUp() {
	g.client.CloseIdleConnections()
	select {
	case <-g.exited: // the test ended it
	default:
		if g.t.Failed() {
			g.kill()
		} else {
			g.stop()
		}
	}
	if g.log.raced {
		g.t.Error("modtier: data race")
	}
	if g.t.Failed() {
		g.t.Logf("the end of modtier's log:\n%s", &g.log)
	}
}

// stop ends the gateway as an operator does, and waits until it has ended well.
func (g *gateway) stop() {
	g.t.Helper()
	g.cmd.Process.Signal(syscall.SIGTERM)
	if code := g.ends(); code != 0 {
		g.t.Errorf("modtier's exit status: got %d, want 0", code)
	}
}

// ends waits until the gateway has ended by itself, and returns its exit status.
func (g *gateway) ends() int {
	g.t.Helper()
	select {
	case <-g.exited:
	case <-time.After(patience):
		g.t.Error("modtier does not end")
		g.kill()
	}
	return g.cmd.ProcessState.ExitCode()
}

// kill ends the gateway as a crash does.
func (g *gateway) kill() {
	g.cmd.Process.Kill()
	<-g.exited
}

// metric returns the sum of the series of that name with these labels, each
// written name="value".
func (g *gateway) metric(name string, labels ...string) (sum float64) {
	g.t.Helper()
	status, text, err := g.get("/metrics")
	if err != nil || status != http.StatusOK {
		g.t.Fatalf("/metrics: status %d, %v", status, err)
	}
	found := false
series:
	for line := range strings.Lines(string(text)) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		is, has, _ := strings.Cut(series, "{")
		if is != name {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(has, l) {
				continue series
			}
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			g.t.Fatalf("/metrics: %q: %v", line, err)
		}
		found = true
		sum += v
	}
	if !found {
		g.t.Fatalf("/metrics has no %s with %q", name, labels)
	}
	return sum
}

// rest waits until no fill is in flight.
func (g *gateway) rest() {
	g.t.Helper()
	eventually(g.t, "no fill is in flight", func() bool { return g.metric("modtier_fills_in_flight") == 0 })
}

// kept returns the names of the files in the tree, without modtier's own.
func kept(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if name == ".modtier" {
			return fs.SkipDir
		}
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return names
}

// spools returns how many processes have a spool in the tree, and the names of the
// files in them.
func spools(t testing.TB, dir string) (processes int, files []string) {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(dir, ".modtier/spool/*"))
	if err == nil {
		files, err = filepath.Glob(filepath.Join(dir, ".modtier/spool/*/*"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(dirs), slices.DeleteFunc(files, func(name string) bool {
		base := filepath.Base(name)
		return base == "lock" || base == "Case" // what each process has there
	})
}
