package tiers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// A segment is a file of a [Record]. Its name is when it was begun, so that the
// order of the names is that of time.
type segment struct {
	name string
	end  int64               // of its whole lines, in bytes; behind it is what a crash tore
	seen map[uint64]struct{} // hashes of its versions, while it grows
	full []uint64            // and then: the same, sorted, in a third of the memory
}

// has reports whether s has a line of that hash.
func (s *segment) has(hash uint64) bool {
	_, ok := s.seen[hash]
	if !ok {
		_, ok = slices.BinarySearch(s.full, hash)
	}
	return ok
}

func (s *segment) sealed() bool { return s.seen == nil }

// seal says that s grows no more.
func (s *segment) seal() {
	if s.sealed() {
		return
	}
	s.full = slices.AppendSeq(make([]uint64, 0, len(s.seen)), maps.Keys(s.seen))
	slices.Sort(s.full)
	s.seen = nil
}

const segmentEnd = ".ndjson"

// segmentName returns the name of a segment whose first line is of that time.
func segmentName(at time.Time) string { return fmt.Sprintf("%019d%s", at.UnixMicro(), segmentEnd) }

func isSegment(name string) bool {
	digits, ok := strings.CutSuffix(name, segmentEnd)
	return ok && len(digits) == 19 && strings.Trim(digits, "0123456789") == ""
}

// begin begins a segment, and drops the oldest ones that are too many. The caller
// is alone.
func (r *Record) begin(at time.Time) error {
	if n := len(r.segments); n > 0 {
		if err := r.syncFile(r.segments[n-1].name); err != nil {
			return absentSegment(err)
		}
	}
	name := segmentName(at)
	f, err := r.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return absentSegment(err)
	}
	f.Close()
	if n := len(r.segments); n > 0 {
		r.segments[n-1].seal()
	}
	r.segments = append(r.segments, &segment{name: name, seen: make(map[uint64]struct{})})
	for len(r.segments) > maxSegments {
		if err := r.root.Remove(r.segments[0].name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.log.Warn("the oldest part of the record stays", "err", err) // until the next is begun
			break
		}
		r.segments = slices.Delete(r.segments, 0, 1)
	}
	return nil
}

// mend reads what has come since it last did, and cuts off what a crash left of a
// line. The caller is alone.
func (r *Record) mend() error {
	if err := r.refresh(); err != nil {
		return err
	}
	if len(r.segments) == 0 {
		return nil
	}
	s := r.segments[len(r.segments)-1]
	info, err := r.root.Stat(s.name)
	if err != nil {
		return absentSegment(err)
	}
	if info.Size() == s.end {
		return nil
	}
	r.log.Warn("the record ends in a line that a crash tore, which is cut off", "file", s.name, "bytes", info.Size()-s.end)
	f, err := r.root.OpenFile(s.name, os.O_WRONLY, 0)
	if err != nil {
		return absentSegment(err)
	}
	defer f.Close()
	return f.Truncate(s.end)
}

// refresh reads what has come since it last did, at first all there is, and forgets
// what another process has dropped. The caller holds mu.
func (r *Record) refresh() error {
	entries, err := fs.ReadDir(r.root.FS(), ".")
	if err != nil {
		return absentSegment(err)
	}
	var names []string // sorted
	for _, e := range entries {
		if isSegment(e.Name()) {
			names = append(names, e.Name())
		}
	}
	r.segments = slices.DeleteFunc(r.segments, func(s *segment) bool {
		_, ok := slices.BinarySearch(names, s.name)
		return !ok
	})
	from := max(len(r.segments)-1, 0) // only the last one grows
	for _, name := range names {
		if n := len(r.segments); n == 0 || name > r.segments[n-1].name {
			r.segments = append(r.segments, &segment{name: name, seen: make(map[uint64]struct{})})
		}
	}
	for i, s := range r.segments[from:] {
		if err := r.catchUp(s); err != nil {
			r.segments = r.segments[:from+i+1] // the next one begins here again
			return err
		}
		if from+i < len(r.segments)-1 {
			s.seal()
		}
	}
	return nil
}

// catchUp reads the lines of s that it has not read.
func (r *Record) catchUp(s *segment) error {
	f, err := r.root.Open(s.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // dropped meanwhile
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == s.end {
		return err
	}
	if info.Size() < s.end || s.sealed() { // somebody has changed what was whole
		*s = segment{name: s.name, seen: make(map[uint64]struct{})}
	}
	strange := 0
	in := bufio.NewReaderSize(io.NewSectionReader(f, s.end, info.Size()-s.end), 64<<10)
	for {
		select {
		case <-r.stop:
			return errClosed
		default:
		}
		line, n, err := readLine(in)
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		s.end += n
		saved, ok := parseLine(line)
		if !ok {
			strange++
			continue
		}
		s.seen[r.hash(line)] = struct{}{}
		if saved.Timestamp.After(r.last) {
			r.last = saved.Timestamp
		}
	}
	if strange > 0 {
		r.log.Warn("the record has lines that are none of ours, and are passed over", "file", s.name, "lines", strange)
	}
	return nil
}
