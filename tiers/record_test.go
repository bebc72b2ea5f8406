package tiers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// A log of what was saved, which the test may close before its end.
type savedLog struct {
	*tiers.Record
	Close func() error
}

// A reader is a record, as those see it who read it.
type reader interface {
	Since(context.Context, time.Time) iter.Seq2[tiers.Saved, error]
}

// openRecord opens the record of a disk tier, of at most size bytes.
func openRecord(t testing.TB, d *tiers.Disk, size int64) *savedLog {
	t.Helper()
	r, err := d.OpenRecord(size)
	if err != nil {
		t.Fatal(err)
	}
	l := &savedLog{r, sync.OnceValue(r.Close)}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// newRecord opens one in a new directory, the segments of which are in dir.
func newRecord(t *testing.T, size int64) (r *savedLog, dir string) {
	t.Helper()
	root := t.TempDir()
	return openRecord(t, openDisk(t, root, tiers.DiskLimits{}), size), filepath.Join(root, ".modtier/index")
}

func adds(t testing.TB, r *savedLog, vs ...module.Version) {
	t.Helper()
	for _, v := range vs {
		if err := r.Add(v); err != nil {
			t.Fatal(err)
		}
	}
}

// told returns what a record has from a time on.
func told(t testing.TB, r reader, since time.Time) (all []tiers.Saved) {
	t.Helper()
	for s, err := range r.Since(t.Context(), since) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// tells checks that a record has vs, in this order, each later than the one before.
func tells(t testing.TB, r reader, vs ...module.Version) []tiers.Saved {
	t.Helper()
	got := told(t, r, time.Time{})
	var names []module.Version
	for i, s := range got {
		names = append(names, module.Version{Path: s.Path, Version: s.Version})
		if i > 0 && !s.Timestamp.After(got[i-1].Timestamp) {
			t.Errorf("line %d: got %v, want later than %v", i, s.Timestamp, got[i-1].Timestamp)
		}
		if s.Timestamp.Location() != time.UTC || s.Timestamp.Nanosecond()%1000 != 0 {
			t.Errorf("line %d: got %v, want microseconds in UTC", i, s.Timestamp)
		}
	}
	if !slices.Equal(names, vs) {
		t.Errorf("got %d lines %v, want %d lines %v", len(names), names, len(vs), vs)
	}
	return got
}

// nths returns versions from to to-1.
func nths(from, to int) (vs []module.Version) {
	for i := from; i < to; i++ {
		vs = append(vs, nth(i))
	}
	return vs
}

// segments returns the names of the files of a record.
func segments(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// tiny is the size of a record with some ten lines in a segment.
const tiny = 16 * 1000

func TestRecord(t *testing.T) {
	t.Parallel()

	claim(t, "versions are told of once, in the order of time", func(t *testing.T) {
		r, _ := newRecord(t, 0)
		adds(t, r, nths(0, 20)...)
		adds(t, r, nths(5, 25)...)
		tells(t, r, nths(0, 25)...)
	})

	claim(t, "a record that was never added to is empty", func(t *testing.T) {
		r, dir := newRecord(t, 0)
		tells(t, r)
		if names := segments(t, dir); len(names) > 0 {
			t.Errorf("got files %q, want none", names)
		}
	})

	claim(t, "another process goes on where one ended, and tells of nothing twice", func(t *testing.T) {
		d := openDisk(t, t.TempDir(), tiers.DiskLimits{})
		r := openRecord(t, d, tiny)
		adds(t, r, nths(0, 30)...)
		before := tells(t, r, nths(0, 30)...)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		r = openRecord(t, d, tiny)
		adds(t, r, nths(0, 40)...)
		if after := tells(t, r, nths(0, 40)...); !slices.Equal(after[:30], before) {
			t.Errorf("got %v, want %v as before", after[:30], before)
		}
	})

	claim(t, "whoever reads from a line's time on gets that line and all behind it", func(t *testing.T) {
		r, dir := newRecord(t, tiny)
		adds(t, r, nths(0, 100)...)
		if n := len(segments(t, dir)); n < 5 {
			t.Fatalf("got %d segments, want some", n)
		}
		all := tells(t, r, nths(0, 100)...)
		for i, s := range all {
			if got := told(t, r, s.Timestamp); !slices.Equal(got, all[i:]) {
				t.Errorf("from line %d on: got %d lines, want %d", i, len(got), len(all)-i)
			}
			if got := told(t, r, s.Timestamp.Add(time.Nanosecond)); !slices.Equal(got, all[i+1:]) {
				t.Errorf("from behind line %d on: got %d lines, want %d", i, len(got), len(all)-i-1)
			}
		}
		for _, at := range []time.Time{{}, time.Unix(-1, 0), all[0].Timestamp.Add(-time.Hour).In(time.FixedZone("", 3600))} {
			if got := told(t, r, at); len(got) != 100 {
				t.Errorf("since %v: got %d lines, want all", at, len(got))
			}
		}
	})

	claim(t, "a reader may leave", func(t *testing.T) {
		r, _ := newRecord(t, tiny)
		adds(t, r, nths(0, 50)...)
		for range r.Since(t.Context(), time.Time{}) {
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n := 0
		var last error
		for _, err := range r.Since(ctx, time.Time{}) {
			if last = err; err == nil {
				n++
			}
			cancel()
		}
		if n != 1 || !errors.Is(last, context.Canceled) {
			t.Errorf("got %d lines, then %v, want 1 and context.Canceled", n, last)
		}
	})

	claim(t, "the clock may be put back", func(t *testing.T) {
		r, dir := newRecord(t, 0)
		adds(t, r, nth(0))
		name := segments(t, dir)[0]
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		later := time.Now().Add(24 * time.Hour).UTC().Truncate(time.Microsecond)
		line := fmt.Sprintf(`{"Path":"example.com/later","Version":"v1.0.0","Timestamp":"%s"}`+"\n", later.Format("2006-01-02T15:04:05.000000Z07:00"))
		if err := os.WriteFile(name, append(content, line...), 0o666); err != nil {
			t.Fatal(err)
		}
		adds(t, r, nths(1, 4)...)
		got := tells(t, r, nth(0), module.Version{Path: "example.com/later", Version: "v1.0.0"}, nth(1), nth(2), nth(3))
		if last := got[4].Timestamp; !last.Equal(later.Add(3 * time.Microsecond)) {
			t.Errorf("the last: got %v, want 3 microseconds after %v", last, later)
		}
		time.Sleep(48 * time.Hour)
		adds(t, r, nth(4))
		if got := told(t, r, later.Add(time.Hour)); len(got) != 1 || !got[0].Timestamp.Equal(time.Now().UTC()) {
			t.Errorf("when the clock has caught up: got %v, want one line of now", got)
		}
	})

	claim(t, "past the bound the oldest goes, and may be told of again", func(t *testing.T) {
		r, dir := newRecord(t, tiny)
		adds(t, r, nths(0, 500)...)
		var size int64
		for _, name := range segments(t, dir) {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			size += info.Size()
		}
		if n := len(segments(t, dir)); n != 16 || size > tiny {
			t.Errorf("got %d bytes in %d segments, want at most %d in 16", size, n, tiny)
		}
		n := len(told(t, r, time.Time{}))
		if n < 100 || n > 200 {
			t.Errorf("got %d lines, want what fits", n)
		}
		tells(t, r, nths(500-n, 500)...)
		adds(t, r, nth(499), nth(500-n), nth(0), nth(0))
		all := told(t, r, time.Time{})
		if last := all[len(all)-1]; last.Version != nth(0).Version {
			t.Errorf("the last: got %v, want the one whose line had gone", last)
		}
	})
}

func TestRecordAfterACrash(t *testing.T) {
	t.Parallel()
	for claim, torn := range map[string]string{
		"a line":                    `{"Path":"example.com/torn","Version":"v1.0.0","Timesta`,
		"a line but for its end":    `{"Path":"example.com/torn","Version":"v1.0.0","Timestamp":"2026-01-02T15:04:05.000000Z"}`,
		"what the disk did not get": strings.Repeat("\x00", 200_000),
		"a line without an end that is none of ours": strings.Repeat("{", 200_000),
	} {
		t.Run("cuts off "+claim, func(t *testing.T) {
			d := openDisk(t, t.TempDir(), tiers.DiskLimits{})
			r := openRecord(t, d, 0)
			adds(t, r, nths(0, 5)...)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			name := segments(t, filepath.Join(d.Dir(), ".modtier/index"))[0]
			whole, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, append(slices.Clone(whole), torn...), 0o666); err != nil {
				t.Fatal(err)
			}
			r = openRecord(t, d, 0)
			tells(t, r, nths(0, 5)...)
			if now, err := os.ReadFile(name); err != nil || !bytes.Equal(now, whole) {
				t.Errorf("got %d bytes, error %v, want %d", len(now), err, len(whole))
			}
			adds(t, r, nths(3, 8)...)
			tells(t, r, nths(0, 8)...)
		})
	}

	t.Run("passes over whole lines that are none of ours", func(t *testing.T) {
		d := openDisk(t, t.TempDir(), tiers.DiskLimits{})
		r := openRecord(t, d, 0)
		adds(t, r, nths(0, 50)...)
		name := segments(t, filepath.Join(d.Dir(), ".modtier/index"))[0]
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(b), "\n")
		long := strings.Repeat("\x00", 70_000) + "\n"
		strange := slices.Concat([]string{"\n"}, lines[:10], []string{long, "{}\n", "null\n"}, lines[10:], []string{long})
		if err := os.WriteFile(name, []byte(strings.Join(strange, "")), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		r = openRecord(t, d, 0)
		adds(t, r, nths(40, 60)...)
		all := tells(t, r, nths(0, 60)...)
		for i, s := range all {
			if got := told(t, r, s.Timestamp); !slices.Equal(got, all[i:]) {
				t.Errorf("from line %d on: got %d lines, want %d", i, len(got), len(all)-i)
			}
		}
	})

	t.Run("goes on after a person has removed it", func(t *testing.T) {
		r, dir := newRecord(t, tiny)
		adds(t, r, nths(0, 30)...)
		for _, name := range segments(t, dir) {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		tells(t, r)
		adds(t, r, nths(20, 40)...)
		tells(t, r, nths(20, 40)...)
	})

	t.Run("goes on after a person has removed its latest part", func(t *testing.T) {
		r, dir := newRecord(t, tiny)
		adds(t, r, nths(0, 30)...)
		names := segments(t, dir)
		if err := os.Remove(names[len(names)-1]); err != nil {
			t.Fatal(err)
		}
		n := len(told(t, r, time.Time{}))
		adds(t, r, nths(0, n)...)
		tells(t, r, nths(0, n)...)
		adds(t, r, nths(0, 60)...)
		tells(t, r, nths(0, 60)...)
	})

	t.Run("says so if it cannot be added to, and goes on once it can", func(t *testing.T) {
		r, dir := newRecord(t, 0)
		adds(t, r, nth(0))
		name := segments(t, dir)[0]
		if err := os.Rename(name, name+".away"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(name, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := r.Add(nth(1)); err == nil || errors.Is(err, os.ErrNotExist) {
			t.Errorf("got error %v, want one that is no absence", err)
		}
		if err := errors.Join(os.Remove(name), os.Rename(name+".away", name)); err != nil {
			t.Fatal(err)
		}
		adds(t, r, nth(1))
		tells(t, r, nth(0), nth(1))
	})

	t.Run("leads nowhere else", func(t *testing.T) {
		root, elsewhere := t.TempDir(), t.TempDir()
		d := openDisk(t, root, tiers.DiskLimits{})
		if err := os.Symlink(elsewhere, filepath.Join(root, ".modtier/index")); err != nil {
			t.Skip(err)
		}
		if r, err := d.OpenRecord(0); err == nil {
			r.Close()
			t.Error("got no error, want one")
		}
		if names := filesIn(t, elsewhere); len(names) > 0 {
			t.Errorf("elsewhere: got %q, want nothing", names)
		}
	})
}

// Several who add at once, two of them processes of their own, are one record to
// those who read meanwhile.
func TestRecordSharedByProcesses(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	var rs []*savedLog
	for range 2 {
		rs = append(rs, openRecord(t, openDisk(t, root, tiers.DiskLimits{}), 16*4000))
	}
	const n = 200
	done := make(chan struct{})
	var adding, reading sync.WaitGroup
	for i := range 6 {
		adding.Go(func() {
			for j := range n {
				if err := rs[i%2].Add(nth((j*7 + i*13) % n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, r := range rs {
		reading.Go(func() {
			var last time.Time
			met := make(map[string]bool)
			for pages := 0; ; pages++ {
				over := false
				select {
				case <-done:
					over = true
				default:
				}
				lines := 0
				for s, err := range r.Since(t.Context(), last.Add(time.Nanosecond)) {
					if err != nil {
						t.Error(err)
						return
					}
					if met[s.Version] || !s.Timestamp.After(last) {
						t.Errorf("%s at %v: got it twice, or earlier than one before", s.Version, s.Timestamp)
					}
					met[s.Version], last = true, s.Timestamp
					if lines++; lines == 10 {
						over = false
						break
					}
				}
				if over {
					break
				}
			}
			if len(met) != n {
				t.Errorf("in pages: got %d versions, want %d", len(met), n)
			}
		})
	}
	adding.Wait()
	close(done)
	reading.Wait()
	if a, b := told(t, rs[0], time.Time{}), told(t, rs[1], time.Time{}); len(a) != n || !slices.Equal(a, b) {
		t.Errorf("got %d lines and %d, want the same %d", len(a), len(b), n)
	}
}
