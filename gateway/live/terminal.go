package live

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// WriteText writes s for a terminal: what matters most comes first, the names of modules
// last in their lines, for there is no telling how long they are.
func (s *Status) WriteText(w io.Writer) error {
	b := newSheet(w)
	b.line("modtier %s, up %s. %s", s.Version, age(s.Time, s.Started), s.Summary())
	b.line("%s requests a second, %s of them failed, in the last %.0f s; %s since the start.",
		rateText(s.Requests.PerSecond), percent(s.Requests.Failed), s.Window, number(s.Requests.Total))
	b.table("TIER\tSTATE\tSHARE\tHIT RATE\tFILES/S\tBYTES/S\tP50\tP99\tHOLDS", func(row func(string, ...any)) {
		for _, t := range s.Tiers {
			rate, holds := "–", "–"
			if t.HitRate != nil {
				rate = percent(*t.HitRate)
			}
			if t.Holds != nil {
				holds = byteText(float64(t.Holds.Bytes))
				if t.Holds.Limit > 0 {
					holds += " of " + byteText(float64(t.Holds.Limit))
				}
			}
			row("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", t.Name, t.State, percent(t.Share), rate,
				rateText(t.RequestsPerSecond), byteText(t.BytesPerSecond), secondsText(t.P50), secondsText(t.P99), holds)
		}
	})
	for _, t := range s.Tiers {
		if t.Last != nil && t.State != "ok" {
			b.line("%s, %s ago: %s", t.Name, age(s.Time, t.Last.Time), t.Last.Text)
		}
	}
	b.fills(s.Time, s.Fills.InFlight, s.Fills.Oldest)
	if q := s.Queue; q != nil {
		b.line("")
		b.line("%s versions wait for a save, %s.", number(int64(q.Versions)), byteText(float64(q.Bytes)))
		b.pending(s.Time, q.Oldest)
	}
	if s.Locks != nil {
		b.locks(s.Time, s.Locks.Oldest)
	}
	if len(s.Problems) > 0 {
		b.table("AGO\tLEVEL\tWHAT WENT WRONG", func(row func(string, ...any)) {
			for _, p := range s.Problems[:min(len(s.Problems), mostProblems)] {
				row("%s\t%s\t%s", age(s.Time, p.Time), p.Level, shorten(p.Message+"  "+p.Detail))
			}
		})
	}
	return b.end()
}

// What of a list is written to a terminal.
const (
	mostFills    = 10
	mostProblems = 5
	mostColumns  = 160
)

// WriteText writes e for a terminal.
func (e *Explanation) WriteText(w io.Writer) error {
	b := newSheet(w)
	b.line("%s@%s: %s", e.Module, e.Version, e.Summary())
	b.table("TIER\tINFO\tMOD\tZIP\tSINCE", func(row func(string, ...any)) {
		for _, t := range e.Tiers {
			cells := map[string]string{}
			since := "–"
			for _, f := range t.Files {
				cells[f.Kind] = f.cell()
				if f.ModTime != nil {
					since = f.ModTime.UTC().Format(time.RFC3339)
				}
			}
			row("%s\t%s\t%s\t%s\t%s", t.Tier, cells["info"], cells["mod"], cells["zip"], since)
		}
	})
	for _, t := range e.Tiers {
		for _, text := range t.Errors() {
			b.line("%s: %s", t.Tier, text)
		}
	}
	if e.Pending != nil {
		b.line("")
		b.line("It waits for a save.")
		b.pending(e.Time, e.Pending)
	}
	b.fills(e.Time, len(e.Fills), e.Fills)
	b.locks(e.Time, e.Locks)
	return b.end()
}

func (f File) cell() string {
	switch {
	case f.Error != "":
		return "?"
	case !f.Held:
		return "–"
	case f.Size < 0:
		return "held"
	}
	return byteText(float64(f.Size))
}

// A sheet is text that is written at once, or not at all.
type sheet struct{ w *bufio.Writer }

func newSheet(w io.Writer) *sheet { return &sheet{bufio.NewWriter(w)} }

func (b *sheet) end() error { return b.w.Flush() }

// line writes a line. What comes from strangers, or from the gateway, cannot move the
// cursor.
func (b *sheet) line(format string, args ...any) {
	b.w.WriteString(strings.TrimRight(visible(fmt.Sprintf(format, args...)), " ") + "\n")
}

// table writes an empty line, a head and rows, their cells with tabs between.
func (b *sheet) table(head string, rows func(row func(format string, args ...any))) {
	var text strings.Builder
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, head)
	rows(func(format string, args ...any) {
		for i, a := range args {
			if s, ok := a.(string); ok {
				args[i] = visible(s)
			}
		}
		fmt.Fprintf(t, format+"\n", args...)
	})
	t.Flush()
	b.line("")
	for l := range strings.Lines(text.String()) {
		b.line("%s", strings.TrimSuffix(l, "\n"))
	}
}

func (b *sheet) fills(now time.Time, all int, oldest []Fill) {
	if all == 0 {
		return
	}
	b.table("FROM\tFOR\tHERE\tREQUESTS\tFILL", func(row func(string, ...any)) {
		for _, f := range oldest[:min(len(oldest), mostFills)] {
			here := byteText(float64(f.Bytes))
			if f.Size > 0 {
				here = percent(float64(f.Bytes)/float64(f.Size)) + " of " + byteText(float64(f.Size))
			}
			from := f.Tier
			if from == "" {
				from = "–"
			}
			row("%s\t%s\t%s\t%s\t%s@%s.%s", from, age(now, f.Started), here, number(int64(f.Followers)), f.Module, f.Version, f.Kind)
		}
	})
	if rest := all - min(len(oldest), mostFills); rest > 0 {
		b.line("and %s more", number(int64(rest)))
	}
}

func (b *sheet) pending(now time.Time, p *Pending) {
	if p == nil {
		return
	}
	b.line("%s@%s waits for %s, for %s", p.Module, p.Version, strings.Join(p.Stores, ", "), age(now, p.Added))
	if p.Tries > 0 {
		b.line("%s tries failed: %s", number(int64(p.Tries)), p.Error)
	}
}

func (b *sheet) locks(now time.Time, locks []Lock) {
	if len(locks) == 0 {
		return
	}
	b.table("IS\tFOR\tLOCK", func(row func(string, ...any)) {
		for _, l := range locks[:min(len(locks), mostFills)] {
			row("%s\t%s\t%s", l.State, age(now, l.Since), l.Name)
		}
	})
}

// visible returns s without what a terminal obeys.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\u202f' {
			return r
		}
		return '?'
	}, s)
}

// shorten returns s in one line that is not longer than what one reads.
func shorten(s string) string {
	r := []rune(s)
	if len(r) <= mostColumns {
		return s
	}
	return string(r[:mostColumns-1]) + "…"
}
