package tiers_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/tiers"
)

func TestFlights(t *testing.T) {
	claim(t, "a fill tells how far it has come, and for how many", func(t *testing.T) {
		all := content(zip)
		d := newDrip(int64(len(all)))
		s := newStack(t, d.answer)
		begun := time.Now()
		clients := s.asks(t, zip, 3)
		d.send(t, all[:10])
		s.flies(t, tiers.InFlight{Ref: zip, Tier: "upstream", Bytes: 10, Size: int64(len(all)), Followers: 3, Started: begun})
		d.send(t, all[10:20])
		clients = append(clients, s.asks(t, zip, 1)...)
		s.flies(t, tiers.InFlight{Ref: zip, Tier: "upstream", Bytes: 20, Size: int64(len(all)), Followers: 4, Started: begun})
		d.send(t, all[20:])
		d.end(nil)
		for _, c := range clients {
			c.gotAll(t, all)
		}
		s.settles(t)
		s.flies(t)
	})

	claim(t, "the oldest comes first, and one that nobody answers has no tier", func(t *testing.T) {
		s := newStack(t, hangs)
		var want []tiers.InFlight
		for _, r := range []tiers.Ref{zip, info, mod} {
			s.asks(t, r, 1)
			want = append(want, tiers.InFlight{Ref: r, Size: -1, Followers: 1, Started: time.Now()})
			time.Sleep(time.Second)
		}
		s.flies(t, want...)
	})

	claim(t, "a stack that was never asked has none", func(t *testing.T) {
		newStack(t, has).flies(t)
	})
}

// flies checks what is in flight.
func (s *stack) flies(t *testing.T, want ...tiers.InFlight) {
	t.Helper()
	synctest.Wait()
	got := s.Flights()
	if len(got) != len(want) {
		t.Fatalf("flights: got %+v, want %+v", got, want)
	}
	for i, w := range want {
		g := got[i]
		w.Started, g.Started = w.Started.Truncate(time.Microsecond).UTC(), g.Started.UTC()
		if g != w {
			t.Errorf("flight %d: got %+v, want %+v", i, g, w)
		}
	}
}
