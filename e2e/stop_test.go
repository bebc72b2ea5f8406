package e2e

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTermDrains ends modtier while a response and a fill that nobody follows any
// more are under way.
func TestTermDrains(t *testing.T) {
	t.Parallel()
	followed := version{path: "example.com/followed", version: "v1.0.0", size: 1 << 20}
	left := version{path: "example.com/left", version: "v1.0.0", size: 1 << 20}
	u := newUpstream(t, followed, left)
	response, fill := make(chan struct{}), make(chan struct{})
	u.next(followed.url("zip"), holdLast(100_000, response))
	u.next(left.url("zip"), holdLast(100_000, fill))
	g := start(t, options{upstream: u.URL})
	d, err := g.begin(followed.url("zip"))
	if err != nil {
		t.Fatal(err)
	}
	gone, err := g.begin(left.url("zip"))
	if err != nil {
		t.Fatal(err)
	}
	gone.hangUp()

	g.cmd.Process.Signal(syscall.SIGTERM)
	address := strings.TrimPrefix(g.url, "http://")
	eventually(t, "new connections are refused", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	notEnded := func(with string) {
		t.Helper()
		// A modtier that is going to end too early gets the time for it.
		select {
		case <-g.exited:
			t.Fatalf("modtier ended with %s under way", with)
		case <-time.After(200 * time.Millisecond):
		}
	}
	notEnded("a response")
	close(response)
	if err := d.finish(); err != nil {
		t.Errorf("the response under way: %v", err)
	} else if err := d.is(followed.file("zip")); err != nil {
		t.Error(err)
	}
	notEnded("a fill")
	close(fill)
	if code := g.ends(); code != 0 {
		t.Errorf("exit status: got %d, want 0", code)
	}
	names := kept(t, g.dir)
	for _, v := range []version{followed, left} {
		if !slices.Contains(names, v.name("zip")) {
			t.Errorf("in the tree: no %s", v.name("zip"))
		}
	}
	untorn(t, g.dir, []version{followed, left})
	if n, rest := spools(t, g.dir); n != 0 {
		t.Errorf("spools after the end: got those of %d processes with %q in them, want none", n, rest)
	}
}

// TestRestartTakesOverTheSpool lets a process die in a fill, and looks at what the
// next one makes of what it left.
func TestRestartTakesOverTheSpool(t *testing.T) {
	t.Parallel()
	v := version{path: "example.com/spooled", version: "v1.0.0", size: 1 << 20}
	u := newUpstream(t, v)
	release := make(chan struct{})
	u.next(v.url("zip"), holdLast(100_000, release), holdLast(100_000, release))
	dead := start(t, options{upstream: u.URL})
	if _, err := dead.begin(v.url("zip")); err != nil {
		t.Fatal(err)
	}
	dead.kill()
	if n, rest := spools(t, dead.dir); n != 1 || len(rest) != 1 {
		t.Fatalf("spools after the kill: got those of %d processes with %q in them, want one file of one", n, rest)
	}

	living := start(t, options{upstream: u.URL, dir: dead.dir})
	if n, rest := spools(t, dead.dir); n != 1 || len(rest) != 0 {
		t.Errorf("spools after a restart: got those of %d processes with %q in them, want an empty one", n, rest)
	}
	d, err := living.begin(v.url("zip"))
	if err != nil {
		t.Fatal(err)
	}

	// What lives keeps its spool, whoever else starts over the same directory.
	start(t, options{upstream: u.URL, dir: dead.dir}).stop()
	if n, rest := spools(t, dead.dir); n != 1 || len(rest) != 1 {
		t.Errorf("spools after another process has come and gone: got those of %d processes with %q in them, want one file of one", n, rest)
	}
	close(release)
	if err := d.finish(); err != nil {
		t.Error(err)
	} else if err := d.is(v.file("zip")); err != nil {
		t.Error(err)
	}
	living.rest()
	untorn(t, dead.dir, []version{v})
}

// TestSecondTermEndsAtOnce does not wait for a fill.
func TestSecondTermEndsAtOnce(t *testing.T) {
	t.Parallel()
	v := version{path: "example.com/endless", version: "v1.0.0", size: 1 << 20}
	u := newUpstream(t, v)
	u.next(v.url("zip"), holdLast(100_000, make(chan struct{})))
	g := start(t, options{upstream: u.URL})
	if _, err := g.begin(v.url("zip")); err != nil {
		t.Fatal(err)
	}
	g.cmd.Process.Signal(syscall.SIGTERM)
	if _, ok := g.log.await("shutting down", g.exited); !ok {
		t.Fatal("the first signal has no effect")
	}
	g.cmd.Process.Signal(syscall.SIGTERM)
	g.ends()
	if _, err := os.Stat(filepath.Join(g.dir, v.name("zip"))); err == nil {
		t.Error("half a file is in the tree")
	}
}
