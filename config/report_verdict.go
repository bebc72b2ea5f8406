package config

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// A Verdict says what this version does with a key.
type Verdict string

const (
	Honoured Verdict = "honoured" // it has its effect
	Ignored  Verdict = "ignored"  // it has none
	Unused   Verdict = "unused"   // it would have one, or matter, beside other values of other keys
	Refused  Verdict = "refused"  // it, or its absence, stops the start
	Unknown  Verdict = "unknown"  // neither program has it
)

// An Entry is a verdict on one key.
type Entry struct {
	Key     string  // as in the table or, if unknown, as in the file; "" for what is of no one key
	From    string  // who set it: FILE:LINE, FILE, a variable or a flag; "" for nobody
	Verdict Verdict // on the value that counts
	Why     string  // may be ""
}

// Entries lists the keys that are set, and those that are missed, in the order
// of the table; then the unknown ones; then what is said of no one key.
func (r *Report) Entries() []Entry {
	l := r.loader
	refusals, messages := l.bySubject(errorTexts(l.errs))
	warnings, others := l.bySubject(slices.DeleteFunc(slices.Clone(l.warnings), func(w string) bool { return r.spoken[w] }))
	var entries []Entry
	for _, row := range table() {
		id := row.id()
		e := Entry{Key: row.key, From: l.from[id]}
		switch {
		case refusals[id] != "":
			e.Verdict, e.Why = Refused, refusals[id]
		case e.From != "" || warnings[id] != "":
			e.Verdict, e.Why = r.judge(row, warnings[id])
		case r.empty[id]:
			e.From, e.Verdict, e.Why = r.at(id), Unused, "empty, which is as if it were not there"
		default:
			continue
		}
		entries = append(entries, e)
	}
	names := make([]string, 0, len(l.rows))
	for _, row := range table() {
		names = append(names, row.key)
	}
	for _, key := range r.unknown {
		why := strings.TrimPrefix(suggest(key, names), "; ")
		entries = append(entries, Entry{Key: key, From: r.at(strings.ToLower(key)), Verdict: Unknown, Why: why})
	}
	for _, m := range messages {
		entries = append(entries, Entry{Verdict: Refused, Why: m})
	}
	for _, m := range others {
		entries = append(entries, Entry{Verdict: Ignored, Why: m})
	}
	return entries
}

// judge is for a key that is not refused.
func (r *Report) judge(row row, warning string) (Verdict, string) {
	c := r.config
	store, locker := row.store(), row.locker()
	switch {
	case row.as == aside:
		return Unused, "nothing that has an effect here needs it"
	case r.loader.ignored[row.id()]:
		return Ignored, warning
	case warning != "":
		return Honoured, warning
	case store != "" && !slices.Contains(c.Tiers.Stack, store):
		return Unused, "the store " + store + " is not in the stack"
	case row.id() == "storage.disk.rootpath" && c.StorageType != "disk":
		return Unused, "StorageType is not disk"
	case row.id() == "traceexporterurl" && c.TraceExporter == "":
		return Unused, "TraceExporter is not otlp"
	case locker != "" && locker != c.SingleFlightType:
		return Unused, "the locks are not in " + locker
	}
	return Honoured, ""
}

// bySubject parts messages by the key that each is about, by id; what is about
// none is returned apart. A message begins with what [loader.about] says.
func (l *loader) bySubject(messages []string) (said map[string]string, rest []string) {
	said = make(map[string]string)
	heads := make(map[string]string)
	for id := range l.rows {
		heads[id] = l.about(id) + ": "
	}
next:
	for _, m := range messages {
		for id, head := range heads {
			if why, ok := strings.CutPrefix(m, head); ok {
				said[id] = strings.TrimPrefix(said[id]+"; "+why, "; ")
				continue next
			}
		}
		rest = append(rest, m)
	}
	return said, rest
}

func errorTexts(errs []error) []string {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return texts
}

// Count returns how many of entries have verdict v.
func Count(entries []Entry, v Verdict) int {
	n := 0
	for _, e := range entries {
		if e.Verdict == v {
			n++
		}
	}
	return n
}

// WriteEntries writes entries as a table for people, with their number by
// verdict below.
func WriteEntries(w io.Writer, entries []Entry) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KEY\tSET BY\tVERDICT   WHY")
	for _, e := range entries {
		last := strings.TrimSpace(fmt.Sprintf("%-8s  %s", e.Verdict, printable(e.Why)))
		fmt.Fprintf(t, "%s\t%s\t%s\n", cmp.Or(printable(e.Key), "-"), cmp.Or(printable(e.From), "-"), last)
	}
	fmt.Fprintln(t)
	for _, v := range []Verdict{Honoured, Ignored, Unused, Unknown, Refused} {
		if n := Count(entries, v); n > 0 {
			fmt.Fprintf(t, "%d %s\n", n, v)
		}
	}
	return t.Flush()
}

// printable makes one line of s that a terminal shows as it is. A file may
// spell its keys with anything.
func printable(s string) string {
	const most = 1000
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	if strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
		s = strconv.Quote(s)
		s = s[1 : len(s)-1]
	}
	return s
}
