package tiers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"sort"
	"time"
)

// Since yields what was saved at t or later, the oldest first, as far as it was
// when it began. An error is the last that it yields.
func (r *Record) Since(ctx context.Context, t time.Time) iter.Seq2[Saved, error] {
	return func(yield func(Saved, error) bool) {
		segments, err := r.snapshot()
		if err != nil {
			yield(Saved{}, fmt.Errorf("record: %w", err))
			return
		}
		// The first one that may have such a line is the last one begun before t.
		first := max(sort.Search(len(segments), func(i int) bool { return segments[i].name > segmentName(t) })-1, 0)
		for _, s := range segments[first:] {
			more, err := r.yield(ctx, s, t, yield)
			if err != nil {
				yield(Saved{}, fmt.Errorf("record: read %s: %w", s.name, err))
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// snapshot returns the segments as they are now.
func (r *Record) snapshot() ([]segment, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refresh(); err != nil {
		return nil, err
	}
	segments := make([]segment, len(r.segments))
	for i, s := range r.segments {
		segments[i] = segment{name: s.name, end: s.end}
	}
	return segments, nil
}

// yield yields the lines of s from t on, and reports whether more are wanted.
func (r *Record) yield(ctx context.Context, s segment, t time.Time, yield func(Saved, error) bool) (more bool, err error) {
	f, err := r.root.Open(s.name)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // dropped meanwhile
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	from := search(f, s.end, t)
	in := bufio.NewReaderSize(io.NewSectionReader(f, from, s.end-from), 32<<10)
	for {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		line, _, err := readLine(in)
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		saved, ok := parseLine(line)
		if !ok || saved.Timestamp.Before(t) {
			continue
		}
		if !yield(saved, nil) {
			return false, nil
		}
	}
}

// search returns a place in the first end bytes of f behind which all lines from t
// on are.
func search(f *os.File, end int64, t time.Time) int64 {
	var buf [2 * maxLine]byte // has a whole line wherever it begins
	return int64(sort.Search(int(end), func(at int) bool {
		n, _ := f.ReadAt(buf[:min(end-int64(at), int64(len(buf)))], int64(at)) // an error is met again by who reads on
		b := buf[:n]
		for {
			_, rest, ok := bytes.Cut(b, []byte("\n"))
			if !ok {
				return true // there is none behind, or it cannot be told
			}
			line, _, ok := bytes.Cut(rest, []byte("\n"))
			if !ok {
				return true
			}
			if s, ok := parseLine(rest[:len(line)+1]); ok {
				return !s.Timestamp.Before(t)
			}
			b = rest
		}
	}))
}
