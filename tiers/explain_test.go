package tiers_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/tiers"
)

// explains checks what e says of version, as "tier kind: size" or what is wrong.
func explains(t *testing.T, e *tiers.Explainer, want ...string) {
	t.Helper()
	ws, err := e.Explain(t.Context(), version)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range ws {
		says := fmt.Sprint(w.Size)
		switch {
		case errors.Is(w.Err, fs.ErrNotExist):
			says = "not held"
		case w.Err != nil:
			says = w.Err.Error()
		case w.ModTime.IsZero():
			t.Errorf("%s %s: it has no time", w.Tier, w.Kind)
		}
		got = append(got, w.Tier+" "+w.Kind.String()+": "+says)
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

// held are the lines for a tier that holds everything.
func held(tier string) (lines []string) {
	for _, r := range []tiers.Ref{info, mod, zip} {
		lines = append(lines, fmt.Sprintf("%s %s: %d", tier, r.Kind, len(content(r))))
	}
	return lines
}

func lacked(tier string) []string {
	return []string{tier + " info: not held", tier + " mod: not held", tier + " zip: not held"}
}

func TestExplain(t *testing.T) {
	claim(t, "each tier says what it has, whatever the others have", func(t *testing.T) {
		s := newStack(t, nil)
		l := newLevel(t, "s3")
		mem := openMemory(t, 1<<20)
		e := &tiers.Explainer{Tiers: []tiers.Asked{
			{Name: "memory", Look: tiers.LookInto(mem)}, {Name: "disk", Look: s.Disk.Look}, {Name: "s3", Look: tiers.LookInto(l)},
		}}
		none := append(append(lacked("memory"), lacked("disk")...), lacked("s3")...)
		explains(t, e, none...)
		if err := l.Store.Save(t.Context(), version, files); err != nil {
			t.Fatal(err)
		}
		below := append(append(lacked("memory"), lacked("disk")...), held("s3")...)
		explains(t, e, below...)
		explains(t, e, below...) // it fills nothing
		if err := s.Disk.Save(t.Context(), version, files); err != nil {
			t.Fatal(err)
		}
		explains(t, e, append(append(lacked("memory"), held("disk")...), held("s3")...)...)
		if err := mem.Put(t.Context(), mod, content(mod), time.Now()); err != nil {
			t.Fatal(err)
		}
		mem.Wait()
		first := lacked("memory")
		first[1] = held("memory")[1]
		explains(t, e, append(append(first, held("disk")...), held("s3")...)...)
	})

	claim(t, "a store that is down is not asked, and says so", func(t *testing.T) {
		w := newWard(t)
		w.patient.answer = fails(errSick)
		w.opens(t, 3, errSick)
		asked := w.patient.opens.Load()
		e := &tiers.Explainer{Tiers: []tiers.Asked{{Name: "far", Look: tiers.LookInto(w.patient), Condition: w.Condition}}}
		ws, err := e.Explain(t.Context(), version)
		if err != nil || len(ws) != 3 || !errors.Is(ws[0].Err, tiers.ErrDown) || !strings.Contains(ws[0].Err.Error(), errSick.Error()) {
			t.Errorf("got %+v, error %v; want ErrDown with the last failure", ws, err)
		}
		if n := w.patient.opens.Load() - asked; n != 0 {
			t.Errorf("it was asked %d times", n)
		}
	})

	claim(t, "who does not answer in time keeps nobody waiting, and its place is taken until it does", func(t *testing.T) {
		release := make(chan struct{})
		deaf := func(context.Context, tiers.Ref) (int64, time.Time, error) {
			<-release
			return 0, time.Time{}, fs.ErrNotExist
		}
		s := newStack(t, nil)
		e := &tiers.Explainer{Most: 1, Tiers: []tiers.Asked{{Name: "deaf", Look: deaf}, {Name: "disk", Look: s.Disk.Look}}}
		begun := time.Now()
		ws, err := e.Explain(t.Context(), version)
		if err != nil || !errors.Is(ws[0].Err, context.DeadlineExceeded) || errors.Is(ws[0].Err, fs.ErrNotExist) || !errors.Is(ws[3].Err, fs.ErrNotExist) {
			t.Errorf("got %+v, error %v", ws, err)
		}
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("it took %v, want 5s", took)
		}
		synctest.Wait()
		if _, err := e.Explain(t.Context(), version); !errors.Is(err, tiers.ErrBusy) {
			t.Errorf("while one hangs: got error %v, want ErrBusy", err)
		}
		close(release)
		synctest.Wait()
		if _, err := e.Explain(t.Context(), version); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
