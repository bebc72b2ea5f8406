package direct_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/direct"
)

// children returns the processes that were started in a room of d's.
func children(t *testing.T, d *direct.Fetcher) (found []string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return nil
	}
	for _, name := range must[[]string](t)(filepath.Glob("/proc/[0-9]*/environ")) {
		b, err := os.ReadFile(name)
		if err == nil && strings.Contains(string(b), d.Dir) {
			found = append(found, name)
		}
	}
	return found
}

func wantNothing(t *testing.T, d *direct.Fetcher) {
	t.Helper()
	if left := children(t, d); len(left) != 0 {
		t.Errorf("processes are left: %q", left)
	}
	if rooms, _ := os.ReadDir(filepath.Join(d.Dir, "modtier-direct", "0", "run")); len(rooms) != 0 {
		t.Errorf("rooms are left: %v", rooms)
	}
}

func TestKilled(t *testing.T) {
	const stuck, fine = "github.com/acme/stuck", "github.com/acme/fine"
	begin := func(t *testing.T, change ...func(*direct.Fetcher)) (*forge, *direct.Fetcher, <-chan struct{}) {
		f := newForge(t)
		f.module("stuck", "v1.0.0")
		f.module("fine", "v1.0.0")
		begun, _ := f.hang("stuck")
		return f, f.fetcher(change...), begun
	}
	ref := tiers.Ref{Path: stuck, Version: "v1.0.0", Kind: tiers.Zip}

	t.Run("a server that hangs harms nobody else, and who leaves it leaves nothing", func(t *testing.T) {
		f, d, begun := begin(t, func(d *direct.Fetcher) { d.Workers = 2 })
		ctx, cancel := context.WithCancelCause(within(t))
		ended := make(chan error)
		go func() {
			_, err := d.Open(ctx, ref)
			ended <- err
		}()
		<-begun
		if runtime.GOOS == "linux" && len(children(t, d)) < 2 {
			t.Errorf("there are no children to kill: %q", children(t, d))
		}
		wantFiles(t, d, fine, "v1.0.0", "a.go", "go.mod")
		why := errors.New("the client went away")
		cancel(why)
		if err := <-ended; !errors.Is(err, why) {
			t.Errorf("got %v, want %v", err, why)
		}
		if got := <-f.left; got != "stuck" {
			t.Errorf("%s lost its client", got)
		}
		d.Close()
		wantNothing(t, d)
	})
	t.Run("who leaves does not take others along", func(t *testing.T) {
		f := newForge(t)
		f.module("stuck", "v1.0.0")
		begun, release := f.hang("stuck")
		d := f.fetcher()
		ctx, cancel := context.WithCancel(within(t))
		first, second := make(chan error), make(chan error)
		go func() { _, err := d.Open(ctx, ref); first <- err }()
		<-begun
		go func() { _, err := read(within(t), d, ref.Path, ref.Version, ref.Kind); second <- err }()
		direct.AwaitWaiting(d, 2)
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		release()
		if err := <-second; err != nil {
			t.Errorf("the second had %v", err)
		}
		if n := f.packsOf("stuck"); n != 1 {
			t.Errorf("%d packs were sent, want 1", n)
		}
	})
	t.Run("a fetch ends at the timeout, and is an outage", func(t *testing.T) {
		f, d, _ := begin(t, func(d *direct.Fetcher) { d.Timeout = 2 * time.Second })
		_, err := d.Open(within(t), ref)
		wantLost(t, err)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		<-f.left
		wantNothing(t, d)
	})
	t.Run("Close ends what runs", func(t *testing.T) {
		f, d, begun := begin(t)
		ended := make(chan error)
		go func() {
			_, err := d.Open(within(t), ref)
			ended <- err
		}()
		<-begun
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		wantLost(t, <-ended)
		<-f.left
		wantNothing(t, d)
	})
	t.Run("a clone outlives a fetch that was killed", func(t *testing.T) {
		f := newForge(t)
		r := f.large("big", 2)
		d := f.fetcher()
		must[[]byte](t)(read(within(t), d, "github.com/acme/big", "v1.0.0", tiers.Zip))
		begun, release := f.hang("big")
		ctx, cancel := context.WithCancel(within(t))
		ended := make(chan error)
		go func() {
			_, err := d.Query(ctx, "github.com/acme/big", "main")
			ended <- err
		}()
		<-begun
		cancel()
		wantLost(t, <-ended)
		<-f.left
		release()
		r.commit("v1.2.0", "x.go", "package a\n")
		f.sent.Store(0)
		must[[]byte](t)(read(within(t), d, "github.com/acme/big", "v1.2.0", tiers.Zip))
		if sent := f.sent.Load(); sent > 1<<20 {
			t.Errorf("sent %d bytes", sent)
		}
	})
	t.Run("a list does not wait for a fetch from the same repository", func(t *testing.T) {
		f := newForge(t)
		f.module("one", "v1.0.0")
		d := f.fetcher()
		release := direct.Borrow(d, "github.com/acme/one")
		defer release()
		if got := must[[]string](t)(d.Versions(within(t), "github.com/acme/one")); len(got) != 1 {
			t.Errorf("got %q", got)
		}
	})
}
