package tiers_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

var errOutage = &tiers.UpstreamError{Upstream: "proxy.example.com", Status: 503}

func TestFailure(t *testing.T) {
	claim(t, "an error is shared by all who wait, and kept by nobody", func(t *testing.T) {
		s := newStack(t, func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
			time.Sleep(time.Second)
			return nil, errOutage
		})
		clients := s.asks(t, zip, 10)
		time.Sleep(time.Second)
		synctest.Wait()
		for _, c := range clients {
			c.failed(t, errOutage)
		}
		s.asked(t, 1)
		if len(s.fills) != 1 || s.fills[0].Err != error(errOutage) || s.fills[0].Source != "" || s.fills[0].Followers != 10 {
			t.Errorf("Filled: got %+v, want one with the error, no source and 10 followers", s.fills)
		}
		s.origin.answer = has
		again := s.asks(t, zip, 1)[0]
		again.gotAll(t, content(zip))
		s.asked(t, 2)
	})

	claim(t, "absence stays absence, in the upstream's words, and is not kept", func(t *testing.T) {
		gone := &tiers.AbsentError{Gone: true, Text: "not found: withdrawn by its author"}
		s := newStack(t, fails(gone))
		for range 2 {
			_, err := s.Open(t.Context(), info)
			var got *tiers.AbsentError
			if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &got) || got != gone {
				t.Errorf("open: got error %v, want %v", err, gone)
			}
			synctest.Wait()
		}
		s.asked(t, 2)
		s.origin.answer = has
		tierstest.HoldsFile(t, s, info, content(info))
	})

	claim(t, "an outage is no absence", func(t *testing.T) {
		s := newStack(t, fails(errOutage))
		for _, r := range []tiers.Ref{info, mod, zip} {
			s.asks(t, r, 1)[0].failed(t, errOutage)
		}
	})

	claim(t, "without an upstream a miss is an absence", func(t *testing.T) {
		s := newStack(t, nil)
		s.Upstream = nil
		tierstest.Lacks(t, s, version)
	})

	for _, size := range []int64{int64(len(content(zip))), -1} {
		claim(t, "a body that breaks off ends in an error for all, and is not kept, if its size is "+known(size), func(t *testing.T) {
			d := newDrip(size)
			s := newStack(t, d.answer)
			clients := s.asks(t, zip, 3)
			d.send(t, content(zip)[:100])
			d.end(errOutage)
			for _, c := range clients {
				c.failed(t, errOutage)
			}
			s.keptNothing(t)
			s.origin.answer = has
			s.asks(t, zip, 1)[0].gotAll(t, content(zip))
		})
	}

	claim(t, "a body shorter or longer than its announced size is an error, and is not kept", func(t *testing.T) {
		whole := int64(len(content(zip)))
		for _, announced := range []int64{whole + 10, whole - 10, 1, 0} {
			d := newDrip(announced)
			s := newStack(t, d.answer)
			c := s.asks(t, zip, 1)[0]
			d.send(t, content(zip))
			d.end(nil)
			c.failed(t, io.ErrUnexpectedEOF)
			if announced > 0 && int64(len(c.got)) >= announced {
				t.Errorf("client: got %d bytes, want fewer than the %d that were announced", len(c.got), announced)
			}
			s.keptNothing(t)
		}
	})

	for _, size := range []int64{int64(len(content(zip))), -1} {
		claim(t, "the last byte of a corrupt zip reaches nobody, and nothing is kept, if its size is "+known(size), func(t *testing.T) {
			bad := bytes.Clone(content(zip))
			copy(bad[len(bad)-22:], "this is no end of zip.")
			d := newDrip(size)
			s := newStack(t, d.answer)
			clients := s.asks(t, zip, 3)
			d.send(t, bad)
			d.end(nil)
			for _, c := range clients {
				c.failed(t, tiers.ErrCorrupt)
				if len(c.got) >= len(bad) {
					t.Errorf("client: got %d bytes, want fewer than %d", len(c.got), len(bad))
				}
			}
			s.keptNothing(t)
		})
	}

	claim(t, "an info or go.mod that cannot be right is an error, and is not kept", func(t *testing.T) {
		for _, bad := range []struct {
			r tiers.Ref
			b string
		}{
			{info, ""},
			{info, `{"Version":"v1.2`},
			{info, `{"Version":"v1.2.4"}`},
			{info, `null`},
			{info, `<html>not found</html>`},
			{mod, ""},
		} {
			s := newStack(t, says([]byte(bad.b)))
			c := s.asks(t, bad.r, 1)[0]
			c.failed(t, tiers.ErrCorrupt)
			if len(c.got) > 0 {
				t.Errorf("%s %q: the client got %q, want nothing", bad.r.Kind, bad.b, c.got)
			}
			s.keptNothing(t)
		}
	})

	claim(t, "what cannot be spooled is served to each and not kept", func(t *testing.T) {
		s := newStack(t, has)
		block(t, s.dir, ".modtier/spool")
		for _, r := range []tiers.Ref{info, mod, zip} {
			for _, c := range s.asks(t, r, 3) {
				c.gotAll(t, content(r))
			}
		}
		tierstest.Lacks(t, s.Disk, version)
		for _, f := range s.fills {
			if f.Err == nil || errors.Is(f.Err, fs.ErrNotExist) || f.Unkept == nil {
				t.Errorf("Filled: got error %v, unkept for %v, want errors that are no absence", f.Err, f.Unkept)
			}
		}
		if err := s.Save(t.Context(), version, files); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("save: got error %v, want one that is no absence", err)
		}
		s.origin.answer = fails(errOutage)
		s.asks(t, zip, 1)[0].failed(t, errOutage)
	})

	claim(t, "a small file that cannot be spooled is checked all the same", func(t *testing.T) {
		for _, r := range []tiers.Ref{info, mod} {
			s := newStack(t, says(nil))
			block(t, s.dir, ".modtier/spool")
			s.asks(t, r, 1)[0].failed(t, tiers.ErrCorrupt)
			s.origin.answer = func(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
				o, err := has(ctx, r)
				o.Size++
				return o, err
			}
			s.asks(t, r, 1)[0].failed(t, io.ErrUnexpectedEOF)
		}
	})

	claim(t, "what is larger than the disk tier may be is fetched once, served to all and not kept", func(t *testing.T) {
		for _, r := range []tiers.Ref{info, mod, zip} {
			for range 20 {
				d := newDrip(int64(len(content(r))))
				s := newStackWithin(t, tiers.DiskLimits{Size: 10}, d.answer)
				clients := s.asks(t, r, 8)
				d.send(t, content(r))
				d.end(nil)
				for _, c := range clients {
					c.gotAll(t, content(r))
				}
				s.asked(t, 1)
				s.keptNothing(t)
			}
		}
	})
}

func known(size int64) string {
	if size < 0 {
		return "unknown"
	}
	return "known"
}

// keptNothing checks that nothing lies on disk, and that no spool is left.
func (s *stack) keptNothing(t *testing.T) {
	t.Helper()
	synctest.Wait()
	for _, name := range filesIn(t, s.dir) {
		t.Errorf("on disk: got %s, want nothing", name)
	}
}
