package main

import (
	"bytes"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

const zipPath = "/example.com/m/@v/v1.0.0.zip"

var (
	released = module.Version{Path: "example.com/m", Version: "v1.0.0"}
	content  = tierstest.Bytes(tierstest.Version(released, "a"), tiers.Zip)
)

// slowly returns the address of an upstream that sends the second half of every
// file when it is let.
func slowly(t *testing.T, rest <-chan struct{}) string {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(content[:len(content)/2])
		w.(http.Flusher).Flush()
		select {
		case <-rest:
			w.Write(content[len(content)/2:])
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(up.Close)
	return up.URL
}

func TestShutdownLetsResponsesFinish(t *testing.T) {
	rest := make(chan struct{})
	g := run(t, load(t, "MODTIER_UPSTREAM="+slowly(t, rest)))
	resp, err := http.Get(g.base.String() + zipPath)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	ended := make(chan error, 1)
	go func() {
		ended <- shutDown([]*http.Server{g.server}, g.service, g.config, slog.New(slog.DiscardHandler))
	}()
	waits(t, g, ended)
	close(rest)
	if b, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(b, content) {
		t.Errorf("got %d bytes, error %v, want %d", len(b), err, len(content))
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestShutdownLetsFillsFinishWhoseClientsLeft(t *testing.T) {
	rest := make(chan struct{})
	g := run(t, load(t, "MODTIER_UPSTREAM="+slowly(t, rest)))
	resp, err := http.Head(g.base.String() + zipPath)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	ended := make(chan error, 1)
	go func() {
		ended <- shutDown([]*http.Server{g.server}, g.service, g.config, slog.New(slog.DiscardHandler))
	}()
	waits(t, g, ended)
	close(rest)
	if err := <-ended; err != nil || g.stack.Filling() != 0 {
		t.Errorf("it ended with error %v and %d fills", err, g.stack.Filling())
	}
	got, err := tierstest.ReadFile(t.Context(), g.stack.Disk, tierstest.Ref(released, tiers.Zip))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes are on disk, error %v, want %d", len(got), err, len(content))
	}
}

// waits checks that nobody is let in any more, and that the end is not yet.
func waits(t *testing.T, g *running, ended <-chan error) {
	t.Helper()
	for {
		conn, err := net.Dial("tcp", g.base.Host)
		if err != nil {
			break
		}
		conn.Close()
		runtime.Gosched()
	}
	for range 10000 {
		select {
		case err := <-ended:
			t.Fatalf("it ended before they did: %v", err)
		default:
			runtime.Gosched()
		}
	}
}

func TestShutdownDoesNotWaitForEver(t *testing.T) {
	rest := make(chan struct{})
	g := run(t, load(t, "MODTIER_UPSTREAM="+slowly(t, rest), "ATHENS_SHUTDOWN_TIMEOUT=0"))
	resp, err := http.Get(g.base.String() + zipPath)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := shutDown([]*http.Server{g.server}, g.service, g.config, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("got %d bytes and no error, want half a file to be seen as one", len(b))
	}
	_, err = g.stack.Disk.Open(t.Context(), tierstest.Ref(released, tiers.Zip))
	if err != fs.ErrNotExist {
		t.Errorf("on disk: got error %v, want that it is absent", err)
	}
	close(rest) // in a process that ends, the fill would end too
	if err := g.stack.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}
