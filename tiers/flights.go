package tiers

import (
	"cmp"
	"slices"
	"time"
)

// An InFlight tells how far a fill has come.
type InFlight struct {
	Ref       Ref
	Tier      string    // the tier it comes from; "" until one has begun to answer
	Bytes     int64     // that are here
	Size      int64     // that was announced; -1 if none was
	Followers int       // requests that wait for it or read it, or have done so
	Started   time.Time // when the first of them missed
}

// Flights returns the fills in flight, the oldest first.
func (s *Stack) Flights() []InFlight {
	s.mu.Lock()
	flights := make([]*flight, 0, len(s.flights))
	for _, f := range s.flights {
		flights = append(flights, f)
	}
	s.mu.Unlock()
	all := make([]InFlight, len(flights))
	for i, f := range flights {
		all[i] = f.progress()
	}
	slices.SortFunc(all, func(a, b InFlight) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Ref.String(), b.Ref.String()))
	})
	return all
}

func (f *flight) progress() InFlight {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := InFlight{Ref: f.ref, Bytes: f.ready, Size: -1, Followers: f.followers, Started: f.start}
	if f.opened { // not before, for until then the leader may change them
		p.Tier, p.Size = f.tier, f.size
	}
	return p
}
