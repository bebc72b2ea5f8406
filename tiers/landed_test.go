package tiers

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"
)

// theUpstream has one go.mod for all.
type theUpstream struct{ asked int }

func (u *theUpstream) Open(context.Context, Ref) (*Object, error) {
	u.asked++
	return NewObject([]byte("module example.com/a\n"), time.Time{}, "upstream"), nil
}

func TestLandedAndEvicted(t *testing.T) {
	t.Run("what landed and was evicted before a follower came is no absence", func(t *testing.T) {
		disk, err := OpenDisk(t.TempDir(), DiskLimits{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer disk.Close()
		up := &theUpstream{}
		s := &Stack{Caches: []Cache{disk}, Disk: disk, Upstream: up}
		s.init()
		r := Ref{"example.com/a", "v1.0.0", Mod}
		s.flights[r] = &flight{ref: r, start: time.Now(), holders: 1, ended: true}

		o, err := s.Open(t.Context(), r)
		if err != nil {
			t.Fatalf("open %s: %v", r, err)
		}
		defer o.Body.Close()
		if b, err := io.ReadAll(o.Body); err != nil || len(b) == 0 || up.asked != 1 {
			t.Errorf("open %s: got %q, error %v, upstream asked %d times", r, b, err, up.asked)
		}
	})
}
