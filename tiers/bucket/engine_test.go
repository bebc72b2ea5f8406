package bucket

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

var (
	v    = module.Version{Path: "example.com/m", Version: "v1.0.0"}
	info = tierstest.Ref(v, tiers.Info)
	mod  = tierstest.Ref(v, tiers.Mod)
	zip  = tierstest.Ref(v, tiers.Zip)
)

// layouts are both, as their services use them.
var layouts = map[string]layout{"proxy layout": {}, "version directories": {dirs: true}}

func inBothLayouts(t *testing.T, test func(t *testing.T, l layout)) {
	for name, l := range layouts {
		t.Run(name, func(t *testing.T) { test(t, l) })
	}
}

func TestFakeStore(t *testing.T) {
	t.Parallel()
	inBothLayouts(t, func(t *testing.T, l layout) {
		tierstest.TestStore(t, func(t *testing.T) tiers.Store {
			return open(&memory{}, l, Options{Name: "fake"})
		})
	})
}

func hexSum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// Infos of one version differ by who wrote them down, where the rest does not.
func TestSavesThatDifferInTheirInfosEndInOneWholeVersion(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, l layout) {
		ours := tierstest.Version(v, "a")
		theirs := ours
		theirs.Info = append([]byte(" "), ours.Info...)
		m := new(memory)
		var told []tiers.Difference
		first := open(m, l, Options{Name: "fake", Differs: func(d tiers.Difference) { told = append(told, d) }})
		second := open(m, l, Options{Name: "fake"})
		m.before = func(call, key string) error {
			if call != "create" || key != l.key(info) {
				return nil
			}
			m.before = nil // just before the first has its info in, the second is faster
			return second.Save(t.Context(), v, theirs)
		}
		if err := first.Save(t.Context(), v, ours); err != nil {
			t.Errorf("save: %v", err)
		}
		tierstest.Lists(t, first, v.Path, v.Version)
		tierstest.Holds(t, first, v, theirs)
		if len(told) != 1 || told[0].Ref != info {
			t.Errorf("Differs: got %+v, want the info", told)
		}
	})
}

func TestSaveOverLeftovers(t *testing.T) {
	ours := tierstest.Version(v, "ours")
	theirs := tierstest.Version(v, "theirs")
	for _, c := range []struct {
		claim   string
		there   map[tiers.Kind]time.Duration // what is stored of theirs, by its age
		alone   bool                         // only the go.mod is saved
		fails   bool
		keeps   bool // what is theirs stays
		differs tiers.Kind
	}{
		{claim: "an abandoned zip is replaced", there: map[tiers.Kind]time.Duration{tiers.Zip: 2 * time.Hour}},
		{claim: "an abandoned zip and go.mod are replaced",
			there: map[tiers.Kind]time.Duration{tiers.Zip: 2 * time.Hour, tiers.Mod: 2 * time.Hour}},
		{claim: "a young zip is left to who may be saving", fails: true, keeps: true,
			there: map[tiers.Kind]time.Duration{tiers.Zip: 59 * time.Minute}},
		{claim: "a whole version stays, however old", keeps: true, differs: tiers.Zip,
			there: map[tiers.Kind]time.Duration{tiers.Zip: 1000 * time.Hour, tiers.Mod: 1000 * time.Hour, tiers.Info: 1000 * time.Hour}},
		{claim: "a version that lacks its zip gets none of another origin", keeps: true, differs: tiers.Mod,
			there: map[tiers.Kind]time.Duration{tiers.Mod: 1000 * time.Hour, tiers.Info: 1000 * time.Hour}},
		{claim: "a lone go.mod gives way to none, however old", alone: true, keeps: true, differs: tiers.Mod,
			there: map[tiers.Kind]time.Duration{tiers.Mod: 1000 * time.Hour}},
		{claim: "an old lone go.mod gives way to a whole version",
			there: map[tiers.Kind]time.Duration{tiers.Mod: 1000 * time.Hour}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			inBothLayouts(t, func(t *testing.T, l layout) {
				m := &memory{}
				for k, age := range c.there {
					m.put(l.key(tierstest.Ref(v, k)), string(tierstest.Bytes(theirs, k)), age)
				}
				var got []tiers.Difference
				b := open(m, l, Options{Name: "fake", Log: slog.New(slog.DiscardHandler), Differs: func(d tiers.Difference) { got = append(got, d) }})
				save := ours
				if c.alone {
					save = tiers.Files{Mod: ours.Mod}
				}
				err := b.Save(t.Context(), v, save)
				if (err != nil) != c.fails || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
					t.Errorf("save: got error %v, want one: %v", err, c.fails)
				}
				for _, k := range tierstest.Kinds {
					key := l.key(tierstest.Ref(v, k))
					want := string(tierstest.Bytes(ours, k))
					if _, was := c.there[k]; c.keeps && was {
						want = string(tierstest.Bytes(theirs, k))
					} else if c.keeps {
						want = ""
					}
					if m.content(key) != want {
						t.Errorf("%s: got %q, want %q", key, m.content(key), want)
					}
				}
				var want []tiers.Difference
				if c.keeps && !c.fails {
					want = []tiers.Difference{{Store: "fake", Ref: tierstest.Ref(v, c.differs),
						Stored:  hexSum(tierstest.Bytes(theirs, c.differs)),
						Refused: hexSum(tierstest.Bytes(ours, c.differs))}}
				}
				if !slices.Equal(got, want) {
					t.Errorf("Differs: got %v, want %v", got, want)
				}
			})
		})
	}
}

func TestFewRequests(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, l layout) {
		f := tierstest.Version(v, "a")
		want := func(m *memory, what string, want ...string) {
			t.Helper()
			if got := m.requests(); !slices.Equal(got, want) {
				t.Errorf("%s: got requests %q, want %q", what, got, want)
			}
		}
		m := &memory{}
		b := open(m, l, Options{Name: "fake"})
		save := func(f tiers.Files) {
			t.Helper()
			if err := b.Save(t.Context(), v, f); err != nil {
				t.Error(err)
			}
		}
		save(tiers.Files{Mod: f.Mod})
		want(m, "a lone go.mod", "create "+l.key(mod))
		save(f)
		want(m, "the rest of its version", "create "+l.key(zip), "create "+l.key(info))
		save(f)
		want(m, "a save of what is remembered")
		tierstest.HoldsFile(t, b, zip, tierstest.Bytes(f, tiers.Zip))
		want(m, "an open", "get "+l.key(zip))

		b = open(m, l, Options{})
		save(f)
		want(m, "a save of what another process saved",
			"create "+l.key(zip), "get "+l.key(zip), "create "+l.key(mod), "get "+l.key(mod), "create "+l.key(info), "get "+l.key(info))
	})
}

func TestMemoryOfWhatOthersDelete(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, l layout) {
		f := tierstest.Version(v, "a")
		m := &memory{}
		b := open(m, l, Options{Name: "fake"})
		if err := b.Save(t.Context(), v, f); err != nil {
			t.Fatal(err)
		}
		if err := open(m, l, Options{}).Delete(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		tierstest.Lacks(t, b, v, tiers.Zip) // which is how a gateway comes to save it anew
		if err := b.Save(t.Context(), v, f); err != nil {
			t.Fatal(err)
		}
		tierstest.Holds(t, b, v, f)
	})
}

func TestSaveGoesOnWhenWhatStoodThereVanishes(t *testing.T) {
	f := tierstest.Version(v, "a")
	m := &memory{}
	m.put(layout{}.key(zip), "other", 0)
	m.before = func(call, key string) error {
		if call == "get" {
			m.mu.Lock()
			defer m.mu.Unlock()
			delete(m.objects, key)
		}
		return nil
	}
	b := open(m, layout{}, Options{Name: "fake"})
	if err := b.Save(t.Context(), v, f); err != nil {
		t.Fatal(err)
	}
	m.before = nil
	tierstest.Holds(t, b, v, f)
}

func TestOutageIsNoAbsence(t *testing.T) {
	outage := errors.New("outage")
	m := &memory{before: func(string, string) error { return outage }}
	b := open(m, layout{}, Options{Name: "fake"})
	_, err := b.Open(t.Context(), zip)
	if !errors.Is(err, outage) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: got error %v, want the outage", err)
	}
	if err := b.Delete(t.Context(), v); !errors.Is(err, outage) {
		t.Errorf("delete: got error %v, want the outage", err)
	}
	if _, err := b.Versions(t.Context(), v.Path); !errors.Is(err, outage) {
		t.Errorf("versions: got error %v, want the outage", err)
	}
	if _, _, err := b.Catalog(t.Context(), "", 1); !errors.Is(err, outage) {
		t.Errorf("catalog: got error %v, want the outage", err)
	}
	if err := b.Check(t.Context()); !errors.Is(err, outage) {
		t.Errorf("check: got error %v, want the outage", err)
	}
}

func TestAbsenceIsBare(t *testing.T) {
	b := open(&memory{}, layout{}, Options{})
	if _, err := b.Open(t.Context(), zip); err != fs.ErrNotExist {
		t.Errorf("open: got error %v, want fs.ErrNotExist itself", err)
	}
	if err := b.Delete(t.Context(), v); err != fs.ErrNotExist {
		t.Errorf("delete: got error %v, want fs.ErrNotExist itself", err)
	}
}

func TestDeleteTakesTheInfoFirst(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, l layout) {
		m := &memory{}
		b := open(m, l, Options{})
		if err := b.Save(t.Context(), v, tierstest.Version(v, "a")); err != nil {
			t.Fatal(err)
		}
		m.requests()
		if err := b.Delete(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		removed := slices.DeleteFunc(m.requests(), func(s string) bool { return !strings.HasPrefix(s, "remove ") })
		if len(removed) != 3 || removed[0] != "remove "+l.key(info) {
			t.Errorf("got %q, want three, the info first", removed)
		}
	})
}

func TestHangingService(t *testing.T) {
	calls := map[string]func(ctx context.Context, b *Bucket) error{
		"open":     func(ctx context.Context, b *Bucket) error { _, err := b.Open(ctx, zip); return err },
		"save":     func(ctx context.Context, b *Bucket) error { return b.Save(ctx, v, tierstest.Version(v, "a")) },
		"delete":   func(ctx context.Context, b *Bucket) error { return b.Delete(ctx, v) },
		"versions": func(ctx context.Context, b *Bucket) error { _, err := b.Versions(ctx, v.Path); return err },
		"catalog":  func(ctx context.Context, b *Bucket) error { _, _, err := b.Catalog(ctx, "", 1); return err },
		"check":    func(ctx context.Context, b *Bucket) error { return b.Check(ctx) },
	}
	for name, call := range calls {
		t.Run(name+" ends after Timeout", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := open(&hanging{}, layout{}, Options{Name: "fake", Timeout: time.Minute})
				began := time.Now()
				err := call(t.Context(), b)
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
					t.Errorf("got error %v after %v, want a timeout after a minute", err, time.Since(began))
				}
			})
		})
		t.Run(name+" ends with its context", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := open(&hanging{}, layout{}, Options{Name: "fake", Timeout: time.Minute})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := call(ctx, b); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got error %v, want that of the context", err)
				}
			})
		})
	}
}

// hanging is a service that answers nothing.
type hanging struct{}

func (h *hanging) hang(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func (h *hanging) check(ctx context.Context) error                    { return h.hang(ctx) }
func (h *hanging) get(ctx context.Context, _ string) (*object, error) { return nil, h.hang(ctx) }
func (h *hanging) create(ctx context.Context, _, _ string, _ *io.SectionReader) error {
	return h.hang(ctx)
}
func (h *hanging) remove(ctx context.Context, _ string) error { return h.hang(ctx) }
func (h *hanging) list(ctx context.Context, _, _ string, _ int) ([]string, bool, error) {
	return nil, false, h.hang(ctx)
}

func TestBodyThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(&stalling{}, layout{}, Options{Name: "fake", Timeout: time.Minute})
		o, err := b.Open(t.Context(), zip)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Body.Close()
		time.Sleep(time.Hour) // a slow reader is no stall
		p := make([]byte, 1)
		if n, err := o.Body.Read(p); n != 1 || err != nil {
			t.Fatalf("read: got %d bytes, error %v, want one", n, err)
		}
		began := time.Now()
		if _, err = o.Body.Read(p); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("read: got error %v after %v, want a timeout after a minute", err, time.Since(began))
		}
	})
}

// stalling is a service whose bodies stand still behind one byte.
type stalling struct{ memory }

func (s *stalling) get(ctx context.Context, _ string) (*object, error) {
	return &object{body: &stalledBody{ctx: ctx}, size: 100}, nil
}

type stalledBody struct {
	ctx  context.Context
	read bool
}

func (s *stalledBody) Read(p []byte) (int, error) {
	if !s.read {
		s.read = true
		return 1, nil
	}
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}
func (s *stalledBody) Close() error { return nil }
