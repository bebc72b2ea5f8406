package tiers_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestHealthIsAStore(t *testing.T) {
	t.Parallel()
	tierstest.TestStore(t, func(t *testing.T) tiers.Store {
		leaveThousands(t)
		h := &tiers.Health{Store: openDisk(t, t.TempDir(), tiers.DiskLimits{}), Name: "disk", Log: testLog(t)}
		t.Cleanup(h.Close)
		return h
	})
}

// A ward is a disk tier that falls ill as the test says, watched by a Health.
type ward struct {
	*tiers.Health
	states  []tiers.State // all that Changed was told
	log     bytes.Buffer
	patient *patient
}

type patient struct {
	tiers.Store
	answer answer // in place of Store's, unless nil
	err    error  // of everything else, unless nil
	opens  atomic.Int64
	others atomic.Int64
}

func (p *patient) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	p.opens.Add(1)
	if p.answer != nil {
		return p.answer(ctx, r)
	}
	return p.Store.Open(ctx, r)
}

func (p *patient) Save(ctx context.Context, v module.Version, f tiers.Files) error {
	p.others.Add(1)
	if p.err != nil {
		return p.err
	}
	return p.Store.Save(ctx, v, f)
}

func (p *patient) Versions(ctx context.Context, path string) ([]string, error) {
	p.others.Add(1)
	if p.err != nil {
		return nil, p.err
	}
	return p.Store.Versions(ctx, path)
}

func (p *patient) Delete(ctx context.Context, v module.Version) error {
	p.others.Add(1)
	if p.err != nil {
		return p.err
	}
	return p.Store.Delete(ctx, v)
}

func (p *patient) Catalog(ctx context.Context, token string, n int) ([]module.Version, string, error) {
	p.others.Add(1)
	if p.err != nil {
		return nil, "", p.err
	}
	return p.Store.Catalog(ctx, token, n)
}

func newWard(t *testing.T) *ward {
	w := new(ward)
	w.patient = &patient{Store: openDisk(t, t.TempDir(), tiers.DiskLimits{})}
	w.Health = &tiers.Health{
		Store:   w.patient,
		Name:    "far",
		Changed: func(s tiers.State) { w.states = append(w.states, s) },
		Log:     slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	t.Cleanup(w.Close)
	return w
}

func (w *ward) is(t *testing.T, want tiers.State) {
	t.Helper()
	if got, err := w.State(); got != want || (err == nil) != (want == tiers.OK) {
		t.Errorf("state: got %v, error %v, want %v", got, err, want)
	}
}

func (w *ward) went(t *testing.T, want ...tiers.State) {
	t.Helper()
	synctest.Wait()
	if !slices.Equal(w.states, want) {
		t.Errorf("states: got %v, want %v", w.states, want)
	}
	if got := strings.Count(w.log.String(), "\n"); got != len(want) {
		t.Errorf("log: got %d lines, want %d:\n%s", got, len(want), w.log.String())
	}
}

// opens opens n files, one after the other, and wants an error that matches want.
func (w *ward) opens(t *testing.T, n int, want error) {
	t.Helper()
	for range n {
		b, err := tierstest.ReadFile(t.Context(), w, mod)
		if !errors.Is(err, want) || want == nil && !bytes.Equal(b, content(mod)) {
			t.Errorf("open: got %d bytes, error %v, want %v", len(b), err, want)
		}
	}
}

func (w *ward) holdsFiles(t *testing.T) {
	t.Helper()
	if err := w.patient.Store.Save(t.Context(), version, files); err != nil {
		t.Fatal(err)
	}
}

func TestHealth(t *testing.T) {
	claim(t, "three failures in a row take it down, and it is asked no more", func(t *testing.T) {
		w := newWard(t)
		w.patient.answer, w.patient.err = fails(errSick), errSick
		w.is(t, tiers.OK)
		w.opens(t, 1, errSick)
		w.is(t, tiers.Unstable)
		if err := w.Save(t.Context(), version, files); !errors.Is(err, errSick) {
			t.Errorf("save: got error %v, want the store's", err)
		}
		if _, err := w.Versions(t.Context(), version.Path); !errors.Is(err, errSick) {
			t.Errorf("versions: got error %v, want the store's", err)
		}
		w.is(t, tiers.Down)
		start := time.Now()
		w.opens(t, 5, tiers.ErrDown)
		_, verr := w.Versions(t.Context(), version.Path)
		_, _, cerr := w.Catalog(t.Context(), "", 1)
		for _, err := range []error{w.Save(t.Context(), version, files), w.Delete(t.Context(), version), verr, cerr} {
			if !errors.Is(err, tiers.ErrDown) || !strings.Contains(err.Error(), errSick.Error()) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got error %v, want ErrDown and the reason", err)
			}
		}
		if o, v := w.patient.opens.Load(), w.patient.others.Load(); o != 1 || v != 2 || time.Since(start) != 0 {
			t.Errorf("asked for %d files and %d times else in %v, want 1 and 2 in no time", o, v, time.Since(start))
		}
		w.went(t, tiers.Unstable, tiers.Down)
	})

	claim(t, "what is not the store's fault is no failure", func(t *testing.T) {
		w := newWard(t)
		for _, err := range []error{fs.ErrNotExist, &tiers.AbsentError{}, tiers.ErrWhole, tiers.ErrTooLarge, tiers.ErrCorrupt, tiers.ErrToken, errors.ErrUnsupported} {
			w.patient.answer, w.patient.err = fails(err), err
			w.opens(t, 3, err)
			for range 3 {
				if got := w.Save(t.Context(), version, files); !errors.Is(got, err) {
					t.Errorf("save: got error %v, want %v", got, err)
				}
			}
		}
		w.patient.answer = hangs
		for range 4 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := w.Open(ctx, mod); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("open: got error %v, want the caller's deadline", err)
			}
			w.patient.err = errSick
			if err := w.Save(ctx, version, files); !errors.Is(err, errSick) {
				t.Errorf("save: got error %v", err)
			}
			cancel()
		}
		w.is(t, tiers.OK)
		w.went(t)
	})

	claim(t, "a probe brings it back", func(t *testing.T) {
		w := newWard(t)
		w.holdsFiles(t)
		var well atomic.Bool
		w.patient.answer = func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
			if well.Load() {
				return w.patient.Store.Open(ctx, r)
			}
			return nil, errSick
		}
		w.opens(t, 3, errSick)
		time.Sleep(time.Minute)
		asked := w.patient.opens.Load() - 3
		if asked < 4 || asked > 8 {
			t.Errorf("probes in a minute: got %d, want one in about 10 s", asked)
		}
		w.opens(t, 1, tiers.ErrDown)
		well.Store(true)
		time.Sleep(13 * time.Second)
		w.is(t, tiers.OK)
		w.opens(t, 1, nil)
		w.went(t, tiers.Unstable, tiers.Down, tiers.OK)
		asked = w.patient.opens.Load()
		time.Sleep(time.Hour)
		if got := w.patient.opens.Load(); got != asked {
			t.Errorf("it was probed %d times while it was well", got-asked)
		}
		well.Store(false)
		w.opens(t, 3, errSick)
		w.opens(t, 1, tiers.ErrDown)
	})

	claim(t, "a success ends the row, and a quiet time makes it ok", func(t *testing.T) {
		w := newWard(t)
		w.holdsFiles(t)
		for range 10 {
			w.patient.answer = fails(errSick)
			w.opens(t, 2, errSick)
			w.patient.answer = nil
			w.opens(t, 1, nil)
		}
		w.is(t, tiers.Unstable)
		w.went(t, tiers.Unstable)
		time.Sleep(10 * time.Second)
		w.opens(t, 1, nil)
		w.is(t, tiers.OK)
		w.went(t, tiers.Unstable, tiers.OK)
	})

	claim(t, "the probing ends with Close", func(t *testing.T) {
		w := newWard(t)
		w.patient.answer = fails(errSick)
		w.opens(t, 3, errSick)
		w.Close()
		w.Close()
		time.Sleep(time.Hour)
		if got := w.patient.opens.Load(); got != 3 {
			t.Errorf("asked %d times, want 3", got)
		}
		w.opens(t, 1, tiers.ErrDown)
	})

	t.Run("a state has a name", func(t *testing.T) {
		for s, want := range map[tiers.State]string{tiers.OK: "ok", tiers.Unstable: "unstable", tiers.Down: "down"} {
			if got := s.String(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}
