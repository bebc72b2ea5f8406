package tiers

import (
	"bufio"
	"bytes"
	"hash/maphash"
	"strings"
	"time"

	"golang.org/x/mod/module"
)

// maxLine is the longest line, in bytes.
const maxLine = 2 * maxName

// readLine reads a line, and how long it is. It is nil if it is too long to be one
// of ours. What has no end is none: io.EOF.
func readLine(in *bufio.Reader) (line []byte, n int64, err error) {
	line, err = in.ReadSlice('\n')
	n = int64(len(line))
	for err == bufio.ErrBufferFull {
		var more []byte
		more, err = in.ReadSlice('\n')
		line, n = nil, n+int64(len(more))
	}
	return line, n, err
}

// What is between the parts of a line. The names of versions have none of the
// characters that JSON escapes.
const (
	linePath    = `{"Path":"`
	lineVersion = `","Version":"`
	lineTime    = `","Timestamp":"`
	lineEnd     = "\"}\n"

	microseconds = "2006-01-02T15:04:05.000000Z07:00"
)

// lineOf returns the beginning of a line of v.
func lineOf(v module.Version) []byte {
	b := make([]byte, 0, 256)
	b = append(b, linePath...)
	b = append(b, v.Path...)
	b = append(b, lineVersion...)
	return append(b, v.Version...)
}

// line returns the line of s.
func (s Saved) line() []byte {
	b := append(lineOf(module.Version{Path: s.Path, Version: s.Version}), lineTime...)
	b = s.Timestamp.AppendFormat(b, microseconds)
	return append(b, lineEnd...)
}

// parseLine is the reverse of line. It reports false for what is none.
func parseLine(b []byte) (s Saved, ok bool) {
	text, ok1 := strings.CutPrefix(string(b), linePath)
	text, ok2 := strings.CutSuffix(text, lineEnd)
	path, text, ok3 := strings.Cut(text, lineVersion)
	version, at, ok4 := strings.Cut(text, lineTime)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return s, false
	}
	t, err := time.Parse(time.RFC3339Nano, at)
	return Saved{path, version, t.UTC()}, err == nil
}

// hash returns what stands for the version of a line. That any two of a million
// have the same one is as likely as one in forty million.
func (r *Record) hash(line []byte) uint64 {
	return maphash.Bytes(r.seed, line[:bytes.LastIndex(line, []byte(lineTime))])
}
