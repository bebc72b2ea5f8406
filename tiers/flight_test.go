package tiers_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestFlight(t *testing.T) {
	for _, r := range []tiers.Ref{info, mod, zip} {
		claim(t, "many clients cause one fetch of the "+r.Kind.String(), func(t *testing.T) {
			d := newDrip(int64(len(content(r))))
			s := newStack(t, d.answer)
			clients := s.asks(t, r, 20)
			d.send(t, content(r)[:10])
			clients = append(clients, s.asks(t, r, 5)...)
			d.send(t, content(r)[10:])
			d.end(nil)
			first := 0
			for _, c := range clients {
				c.gotAll(t, content(r))
				if !c.collapsed {
					first++
				}
			}
			if first != 1 {
				t.Errorf("not collapsed: got %d clients, want 1", first)
			}
			if got := s.Collapsed(); got != 24 {
				t.Errorf("Collapsed: got %d, want 24", got)
			}
			s.asks(t, r, 1)[0].gotAll(t, content(r))
			s.asked(t, 1)
		})
	}

	claim(t, "different files are different flights", func(t *testing.T) {
		s := newStack(t, hangs)
		for _, r := range []tiers.Ref{info, mod, zip} {
			s.asks(t, r, 1)
		}
		s.asked(t, 3)
		if got := s.Filling(); got != 3 {
			t.Errorf("Filling: got %d, want 3", got)
		}
		if got := s.Collapsed(); got != 0 {
			t.Errorf("Collapsed: got %d, want 0", got)
		}
	})

	claim(t, "the first byte is out before the last is in", func(t *testing.T) {
		for _, size := range []int64{int64(len(content(zip))), -1} {
			d := newDrip(size)
			s := newStack(t, d.answer)
			c := s.asks(t, zip, 1)[0]
			d.send(t, content(zip)[:100])
			if size < 0 {
				c.has(t, content(zip)[:99]) // any byte could be the last
			} else {
				c.has(t, content(zip)[:100])
			}
			d.send(t, content(zip)[100:])
			c.has(t, content(zip)[:len(content(zip))-1]) // nobody knows yet whether it is sound
			d.end(nil)
			c.gotAll(t, content(zip))
		}
	})

	claim(t, "an Object is there as soon as the upstream answers, and says what is known", func(t *testing.T) {
		d := newDrip(int64(len(content(zip))))
		s := newStack(t, d.answer)
		o, err := s.Open(t.Context(), zip)
		if err != nil {
			t.Fatal(err)
		}
		if o.Size != d.size || o.Tier != "upstream" || o.ModTime.IsZero() {
			t.Errorf("Object: got size %d, tier %q, time %v, want %d, upstream and a time", o.Size, o.Tier, o.ModTime, d.size)
		}
		d.send(t, content(zip))
		d.end(nil)
		if got, err := tierstest.ReadObject(o); err != nil || string(got) != string(content(zip)) {
			t.Errorf("body: got %d bytes, error %v", len(got), err)
		}
		landed, err := s.Open(t.Context(), zip)
		if err != nil {
			t.Fatal(err)
		}
		defer landed.Body.Close()
		if !landed.ModTime.Equal(o.ModTime) || landed.Tier != "disk" {
			t.Errorf("once landed: got tier %q, time %v, want disk and the time of the fill, %v", landed.Tier, landed.ModTime, o.ModTime)
		}
	})

	claim(t, "half an info or go.mod is never served", func(t *testing.T) {
		for _, r := range []tiers.Ref{info, mod} {
			d := newDrip(int64(len(content(r))))
			s := newStack(t, d.answer)
			c := s.asks(t, r, 1)[0]
			d.send(t, content(r)[:50])
			c.has(t, nil)
			d.send(t, content(r)[50:])
			d.end(nil)
			c.gotAll(t, content(r))
		}
	})

	claim(t, "a client that goes away changes nothing", func(t *testing.T) {
		d := newDrip(int64(len(content(zip))))
		s := newStack(t, d.answer)
		first := s.asks(t, zip, 1)[0]
		other := s.asks(t, zip, 1)[0]
		first.cancel()
		synctest.Wait()
		first.failed(t, context.Canceled) // before anything came
		d.send(t, content(zip)[:100])
		third := s.asks(t, zip, 1)[0]
		third.cancel()
		synctest.Wait()
		d.send(t, content(zip)[100:])
		d.end(nil)
		other.gotAll(t, content(zip))
		s.asked(t, 1)
	})

	claim(t, "a fill outlives its last client", func(t *testing.T) {
		d := newDrip(int64(len(content(zip))))
		s := newStack(t, d.answer)
		c := s.asks(t, zip, 1)[0]
		d.send(t, content(zip)[:100])
		c.cancel()
		synctest.Wait()
		d.send(t, content(zip)[100:])
		d.end(nil)
		tierstest.HoldsFile(t, s.Disk, zip, content(zip))
	})

	claim(t, "a client that stalls changes nothing", func(t *testing.T) {
		d := newDrip(int64(len(content(zip))))
		s := newStack(t, d.answer)
		stalled, err := s.Open(t.Context(), zip)
		if err != nil {
			t.Fatal(err)
		}
		c := s.asks(t, zip, 1)[0]
		d.send(t, content(zip))
		d.end(nil)
		c.gotAll(t, content(zip))
		tierstest.HoldsFile(t, s.Disk, zip, content(zip))
		if got := s.Filling(); got != 0 {
			t.Errorf("Filling: got %d, want 0", got)
		}
		time.Sleep(time.Hour)
		if err := s.Delete(t.Context(), version); err != nil {
			t.Error(err)
		}
		if got, err := tierstest.ReadObject(stalled); err != nil || string(got) != string(content(zip)) {
			t.Errorf("the one that stalled: got %d bytes, error %v, want %d", len(got), err, len(content(zip)))
		}
	})

	claim(t, "a fill is told once, with what it did", func(t *testing.T) {
		d := newDrip(int64(len(content(zip))))
		s := newStack(t, d.answer)
		s.asks(t, zip, 3)
		time.Sleep(2 * time.Second)
		d.send(t, content(zip)[:100])
		s.asks(t, zip, 4)
		time.Sleep(3 * time.Second)
		d.send(t, content(zip)[100:])
		d.end(nil)
		want := tiers.Fill{Ref: zip, Source: "upstream", FirstByte: 2 * time.Second, Duration: 5 * time.Second, Followers: 7}
		if len(s.fills) != 1 || s.fills[0] != want {
			t.Errorf("Filled: got %+v, want %+v", s.fills, want)
		}
		s.asks(t, zip, 1)
		if len(s.fills) != 1 {
			t.Errorf("Filled after a hit: got %+v, want none more", s.fills[1:])
		}
	})
}
