package tiers_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// A late body notes that it was closed.
type lateBody struct {
	io.Reader
	closed atomic.Bool
}

func (b *lateBody) Close() error { b.closed.Store(true); return nil }

// slowSaves is a store whose saves wait for a release, and whose lists never come.
type slowSaves struct {
	tiers.Store
	release chan struct{}
}

func (s slowSaves) Save(ctx context.Context, v module.Version, f tiers.Files) error {
	select {
	case <-s.release:
		return s.Store.Save(ctx, v, f)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s slowSaves) Versions(ctx context.Context, _ string) ([]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestHealthOfAStoreThatHangs(t *testing.T) {
	claim(t, "an Open is given up though it does not heed its context", func(t *testing.T) {
		w := newWard(t)
		body, release := new(lateBody), make(chan struct{})
		w.patient.answer = func(context.Context, tiers.Ref) (*tiers.Object, error) {
			<-release
			return &tiers.Object{Body: body, Size: 1, Tier: "far"}, nil
		}
		start := time.Now()
		w.opens(t, 1, os.ErrDeadlineExceeded)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %v, want 5s", took)
		}
		w.opens(t, 2, os.ErrDeadlineExceeded)
		w.opens(t, 9, tiers.ErrDown)
		time.Sleep(time.Hour)
		if got := w.patient.opens.Load(); got != 4 {
			t.Errorf("asked %d times, want 3 and one probe", got)
		}
		w.Close()
		close(release)
		synctest.Wait()
		if !body.closed.Load() {
			t.Error("the body that came late is open")
		}
		w.is(t, tiers.Down)
	})

	claim(t, "callers with less patience do not excuse it", func(t *testing.T) {
		w := newWard(t)
		release := make(chan struct{})
		w.patient.answer = func(context.Context, tiers.Ref) (*tiers.Object, error) {
			<-release
			return nil, fs.ErrNotExist
		}
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := w.Open(ctx, mod); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got error %v, want the caller's deadline", err)
			}
			cancel()
		}
		time.Sleep(5 * time.Second)
		w.is(t, tiers.Down)
		close(release)
		time.Sleep(13 * time.Second)
		w.is(t, tiers.OK)
	})

	claim(t, "it does not come back while too much of it hangs", func(t *testing.T) {
		w := newWard(t)
		release := make(chan struct{})
		w.patient.answer = func(_ context.Context, r tiers.Ref) (*tiers.Object, error) {
			if r == mod {
				<-release
			}
			return nil, fs.ErrNotExist
		}
		for range 20 {
			go w.Open(t.Context(), mod)
		}
		time.Sleep(time.Minute)
		w.is(t, tiers.Down)
		close(release)
		time.Sleep(13 * time.Second)
		w.is(t, tiers.OK)
	})

	claim(t, "a save that hangs is broken off when the store is down for good, and one that moves is not when it comes back", func(t *testing.T) {
		for _, c := range []struct {
			down time.Duration
			want error
		}{{10 * time.Minute, tiers.ErrDown}, {10 * time.Second, nil}} {
			w := newWard(t)
			well, release := new(atomic.Bool), make(chan struct{})
			w.patient.answer = func(context.Context, tiers.Ref) (*tiers.Object, error) {
				if well.Load() {
					return nil, fs.ErrNotExist
				}
				return nil, errSick
			}
			w.patient.Store = slowSaves{w.patient.Store, release}
			saved := make(chan error, 1)
			go func() { saved <- w.Save(t.Context(), version, files) }()
			synctest.Wait()
			w.opens(t, 3, errSick)
			start := time.Now()
			time.AfterFunc(c.down, func() { well.Store(true) })
			time.AfterFunc(c.down+time.Minute, func() { close(release) })
			err := <-saved
			if took := time.Since(start); !errors.Is(err, c.want) || c.want != nil && took > 30*time.Second {
				t.Errorf("down for %v: the save ended after %v with %v, want %v", c.down, took, err, c.want)
			}
			<-release
			w.is(t, tiers.OK)
			if err := w.Save(t.Context(), nth(1), tierstest.Version(nth(1), "a")); err != nil {
				t.Errorf("a save once it is back: %v", err)
			}
		}
	})

	claim(t, "lists that never come take it down, and lists that a hasty caller gives up do not", func(t *testing.T) {
		for patience, want := range map[time.Duration]tiers.State{time.Second: tiers.OK, 10 * time.Second: tiers.Down} {
			w := newWard(t)
			w.patient.Store = slowSaves{w.patient.Store, nil}
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				if _, err := w.Versions(ctx, version.Path); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got error %v, want the caller's deadline", err)
				}
				cancel()
			}
			w.is(t, want)
		}
	})

	claim(t, "a read that brings nothing for 30 seconds fails, and counts", func(t *testing.T) {
		w := newWard(t)
		w.patient.answer = func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
			d := newDrip(100)
			go d.w.Write([]byte("begun"))
			return d.answer(ctx, r)
		}
		for range 3 {
			o, err := w.Open(t.Context(), zip)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour) // who reads slowly is not the store
			start := time.Now()
			b, err := io.ReadAll(o.Body)
			if string(b) != "begun" || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 30*time.Second {
				t.Errorf("got %q, error %v after %v, want %q and a deadline after 30s", b, err, time.Since(start), "begun")
			}
			o.Body.Close()
		}
		w.is(t, tiers.Down)
	})

	claim(t, "a store whose bodies break off is down, though it opens them", func(t *testing.T) {
		w := newWard(t)
		w.patient.answer = func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
			d := newDrip(100)
			d.w.CloseWithError(io.ErrUnexpectedEOF)
			return d.answer(ctx, r)
		}
		w.opens(t, 3, io.ErrUnexpectedEOF)
		w.opens(t, 1, tiers.ErrDown)
	})

	claim(t, "a caller that leaves while it reads is no failure", func(t *testing.T) {
		w := newWard(t)
		w.patient.answer = func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) { return newDrip(100).answer(ctx, r) }
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			o, err := w.Open(ctx, zip)
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Second, cancel)
			if _, err := io.ReadAll(o.Body); !errors.Is(err, context.Canceled) {
				t.Errorf("got error %v, want that the caller left", err)
			}
			o.Body.Close()
		}
		w.is(t, tiers.OK)
	})
}
