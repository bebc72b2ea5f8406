package tiers

import (
	"errors"
	"io/fs"
	"strconv"
)

// ErrCorrupt says that a file's content cannot be what its name says.
// It is a miss, never an answer.
var ErrCorrupt = errors.New("corrupt file")

// ErrWhole is what a store that holds whole versions only answers to a Save
// without a zip.
var ErrWhole = errors.New("only whole versions can be stored here")

// ErrTooLarge is what a store answers to a Save of a version that is larger than it
// takes, so that there is no use in trying again.
var ErrTooLarge = errors.New("larger than the store takes")

// ErrToken is what a Catalog answers to a token that it did not give.
var ErrToken = errors.New("no token of this catalog")

// An AbsentError is an absence in the words of the upstream that asserted it.
// It matches [fs.ErrNotExist]. A tier that simply lacks a file returns
// fs.ErrNotExist bare.
type AbsentError struct {
	Gone bool   // the upstream answered 410, not 404
	Text string // what it said, for the person at the go command; may be empty
}

func (e *AbsentError) Error() string {
	if e.Text == "" {
		return "not found"
	}
	return e.Text
}

// Is makes e match [fs.ErrNotExist].
func (e *AbsentError) Is(target error) bool { return target == fs.ErrNotExist }

// An UpstreamError says that an upstream was asked and gave no usable answer,
// so nothing is known about what it has.
type UpstreamError struct {
	Upstream string // its host, or the path of a file:// upstream; no credentials
	Status   int    // the HTTP status it answered, or 0 if it did not answer
	Text     string // what it said with Status, shortened; may be empty
	Err      error  // why it did not answer; nil with a Status
}

func (e *UpstreamError) Error() string {
	s := "upstream " + e.Upstream
	if e.Err != nil {
		return s + ": " + e.Err.Error()
	}
	s += " answered " + strconv.Itoa(e.Status)
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

func (e *UpstreamError) Unwrap() error { return e.Err }
