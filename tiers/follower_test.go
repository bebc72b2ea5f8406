package tiers_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

// A socket takes over from whoever copies to it, as a *net.TCPConn does.
type socket struct {
	t   *testing.T
	got bytes.Buffer
}

func (s *socket) Write(p []byte) (int, error) {
	s.t.Errorf("write: got %d bytes, want them to be read from a file", len(p))
	return s.got.Write(p)
}

func (s *socket) ReadFrom(r io.Reader) (int64, error) {
	part, ok := r.(*io.LimitedReader)
	if !ok {
		s.t.Fatalf("read from: got %T, want an *io.LimitedReader", r)
	}
	if _, ok := part.R.(*os.File); !ok {
		s.t.Errorf("read from: got a part of %T, want of an *os.File", part.R)
	}
	return s.got.ReadFrom(r)
}

func TestFollowerToSocket(t *testing.T) {
	claim(t, "a fill goes to a socket as parts of a file, as they come", func(t *testing.T) {
		d := newDrip(int64(len(content(zip))))
		s := newStack(t, d.answer)
		o, err := s.Open(t.Context(), zip)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Body.Close()
		out := &socket{t: t}
		var n int64
		go func() { n, err = io.Copy(out, o.Body) }()
		d.send(t, content(zip)[:100])
		if got := out.got.Len(); got != 100 {
			t.Errorf("so far: got %d bytes, want 100", got)
		}
		d.send(t, content(zip)[100:])
		d.end(nil)
		if !bytes.Equal(out.got.Bytes(), content(zip)) || n != int64(len(content(zip))) || err != nil {
			t.Errorf("in the end: got %d bytes, %d said, error %v, want %d", out.got.Len(), n, err, len(content(zip)))
		}
	})

	claim(t, "a fill that breaks off fails the copy to a socket", func(t *testing.T) {
		d := newDrip(int64(len(content(zip))))
		s := newStack(t, d.answer)
		o, err := s.Open(t.Context(), zip)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Body.Close()
		go func() { _, err = io.Copy(&socket{t: t}, o.Body) }()
		d.send(t, content(zip)[:100])
		d.end(errOutage)
		if !errors.Is(err, errOutage) {
			t.Errorf("copy: got error %v, want %v", err, errOutage)
		}
	})
}
