package tierstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

func firstSaveWins(t *testing.T, s tiers.Store) {
	v := every[0]
	first := Version(v, "first")
	save(t, s, v, first)
	save(t, s, v, Version(v, "second"))
	Holds(t, s, v, first)
	save(t, s, v, tiers.Files{Mod: Version(v, "third").Mod})
	Holds(t, s, v, first)
	Lists(t, s, v.Path, v.Version)
}

func completes(t *testing.T, s tiers.Store) {
	v := every[0]
	f := Version(v, "a")
	save(t, s, v, tiers.Files{Mod: f.Mod})
	save(t, s, v, tiers.Files{Mod: f.Mod})
	save(t, s, v, f)
	Holds(t, s, v, f)
	Lists(t, s, v.Path, v.Version)
}

func modAlone(t *testing.T, s tiers.Store) {
	v := every[0]
	f := Version(v, "a")
	save(t, s, v, tiers.Files{Mod: f.Mod, Info: f.Info}) // the info only goes with a zip
	HoldsFile(t, s, Ref(v, tiers.Mod), f.Mod)
	Lacks(t, s, v, tiers.Info, tiers.Zip)
	Lists(t, s, v.Path)
	save(t, s, v, tiers.Files{Mod: Version(v, "b").Mod})
	HoldsFile(t, s, Ref(v, tiers.Mod), f.Mod)
}

func racingSaves(t *testing.T, s tiers.Store) {
	v := every[0]
	var all []tiers.Files
	var wg sync.WaitGroup
	for i := range 16 {
		f := Version(v, fmt.Sprint(i))
		all = append(all, f)
		wg.Go(func() { save(t, s, v, f) })
	}
	wg.Wait()
	mod, err := ReadFile(t.Context(), s, Ref(v, tiers.Mod))
	if err != nil {
		t.Fatalf("open %s: %v", Ref(v, tiers.Mod), err)
	}
	for _, f := range all {
		if bytes.Equal(f.Mod, mod) {
			Holds(t, s, v, f)
			Lists(t, s, v.Path, v.Version)
			return
		}
	}
	t.Errorf("open %s: got %s, want one of those saved", Ref(v, tiers.Mod), short(mod))
}

func racingVersions(t *testing.T, s tiers.Store) {
	var wg sync.WaitGroup
	for _, v := range alike {
		for range 3 {
			wg.Go(func() { save(t, s, v, Version(v, "a")) })
		}
	}
	wg.Wait()
	for _, v := range alike {
		Holds(t, s, v, Version(v, "a"))
	}
}

// heals checks that a save of v that returned err left nothing that is listed,
// and that another one succeeds.
func heals(t *testing.T, s tiers.Store, v module.Version, f tiers.Files) {
	t.Helper()
	Lists(t, s, v.Path)
	for _, k := range Kinds {
		got, err := ReadFile(t.Context(), s, Ref(v, k))
		if err == nil && !bytes.Equal(got, Bytes(f, k)) {
			t.Errorf("open %s: got %s, which is torn", Ref(v, k), short(got))
		}
	}
	save(t, s, v, f)
	Holds(t, s, v, f)
	Lists(t, s, v.Path, v.Version)
}

func cancelledSave(t *testing.T, s tiers.Store) {
	v := every[0]
	f := Version(v, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Save(ctx, v, f); err == nil {
		t.Errorf("save %s: got no error, want one", v)
	}
	heals(t, s, v, f)
	w := every[1]
	f = Version(w, "a")
	if err := s.Save(ctx, w, tiers.Files{Mod: f.Mod}); err == nil {
		t.Errorf("save the go.mod of %s: got no error, want one", w)
	}
	save(t, s, w, f)
	Holds(t, s, w, f)
}

func cancelledHalfway(t *testing.T, s tiers.Store) {
	v := every[0]
	f := Large(v, "a", 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cut := f
	cut.Zip = from(f.Zip, f.Zip.Size()/2, func() error {
		cancel()
		return ctx.Err() // else the rest could be on its way before anybody has looked
	})
	if err := s.Save(ctx, v, cut); err == nil {
		t.Errorf("save %s: got no error, want one", v)
	}
	heals(t, s, v, f)
}

func brokenZip(t *testing.T, s tiers.Store) {
	v := every[0]
	f := Large(v, "a", 1<<20)
	broken := f
	broken.Zip = from(f.Zip, f.Zip.Size()/2, func() error { return errors.New("the disk that has the zip broke") })
	if err := s.Save(t.Context(), v, broken); err == nil {
		t.Errorf("save %s: got no error, want one", v)
	}
	heals(t, s, v, f)
}

func shortZip(t *testing.T, s tiers.Store) {
	v := every[0]
	f := Version(v, "a")
	broken := f
	broken.Zip = io.NewSectionReader(f.Zip, 0, f.Zip.Size()+10)
	if err := s.Save(t.Context(), v, broken); err == nil {
		t.Errorf("save %s: got no error, want one", v)
	}
	heals(t, s, v, f)
}

// from returns r, of which each read that reaches behind at calls event before,
// and fails with its error.
func from(r *io.SectionReader, at int64, event func() error) *io.SectionReader {
	return io.NewSectionReader(eventReader{r, at, event}, 0, r.Size())
}

type eventReader struct {
	r     io.ReaderAt
	at    int64
	event func() error
}

func (e eventReader) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > e.at {
		if err := e.event(); err != nil {
			return 0, err
		}
	}
	return e.r.ReadAt(p, off)
}

func large(t *testing.T, s tiers.Store) {
	if testing.Short() {
		t.Skip("large")
	}
	v := every[0]
	f := Large(v, "a", 100e6)
	save(t, s, v, f)
	o, err := s.Open(t.Context(), Ref(v, tiers.Zip))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	if o.Size != f.Zip.Size() && o.Size != -1 {
		t.Errorf("Size: got %d, want %d or -1", o.Size, f.Zip.Size())
	}
	if err := sameContent(o.Body, io.NewSectionReader(f.Zip, 0, f.Zip.Size())); err != nil {
		t.Error(err)
	}
}

func sameContent(got, want io.Reader) error {
	g, w := make([]byte, 64<<10), make([]byte, 64<<10)
	for off := int64(0); ; {
		n, gerr := io.ReadFull(got, g)
		m, werr := io.ReadFull(want, w)
		if !bytes.Equal(g[:n], w[:m]) {
			return fmt.Errorf("the content differs behind byte %d", off)
		}
		off += int64(n)
		if werr != nil {
			if gerr != io.EOF && gerr != io.ErrUnexpectedEOF {
				return fmt.Errorf("at the end: got error %v, want EOF", gerr)
			}
			return nil
		}
		if gerr != nil {
			return fmt.Errorf("at byte %d: %w", off, gerr)
		}
	}
}
