package e2e

import "testing"

// TestPeersStreamWhatOneOfThemFetches has clients of three gateways ask for a cold
// zip of which upstream keeps the last part back until each of them has its first
// byte.
func TestPeersStreamWhatOneOfThemFetches(t *testing.T) {
	t.Parallel()
	for _, kind := range someLockKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			x := newStreaming(t, kind, "MODTIER_LOCKS_LEASE=1m")
			close(x.last)
			x.finish(x.f.all)
			if got := len(x.u.requests(x.v.url("zip"))); got != 1 {
				t.Errorf("fetches: got %d, want 1 for the whole fleet", got)
			}
			eventually(t, "two gateways have read from the third", func() bool {
				reads := 0.0
				for _, g := range x.f.all {
					reads += g.peerReads()
				}
				return reads == 2
			})
			x.f.keeps(x.v)
		})
	}
}

// TestNobodyNoticesThatAPeerIsGone kills or stops the gateway that fetches a zip,
// while the others' clients are reading it.
func TestNobodyNoticesThatAPeerIsGone(t *testing.T) {
	t.Parallel()
	for _, kind := range someLockKinds {
		for fault, do := range map[string]func(*gateway){"killed": (*gateway).kill, "stopped": (*gateway).pause} {
			t.Run(kind+"/"+fault, func(t *testing.T) {
				t.Parallel()
				x := newStreaming(t, kind, shortLease)
				do(x.leader)
				x.finish(x.others)
				close(x.last)
				x.leader.resume() // lest it cannot be asked what waits
				if got := len(x.u.requests(x.v.url("zip"))); got != 2 {
					t.Errorf("fetches: got %d, want the one that was broken off and one more", got)
				}
				x.f.keeps(x.v)
			})
		}
	}
}

// A streaming fleet of peers has clients that have begun to read what upstream has
// sent but a part of.
type streaming struct {
	t      testing.TB
	u      *upstream
	v      version
	want   []byte
	f      *fleet
	leader *gateway
	others []*gateway
	last   chan struct{} // close it to have upstream send the rest
	begun  map[*gateway][]*download
}

func newStreaming(t *testing.T, kind, lease string) *streaming {
	t.Helper()
	const clients = 10
	x := &streaming{t: t, v: version{path: "example.com/" + newName(), version: "v1.0.0", size: 10 << 20},
		last: make(chan struct{}), begun: make(map[*gateway][]*download)}
	x.want = x.v.file("zip")
	x.u = newUpstream(t, x.v)
	x.u.next(x.v.url("zip"), holdLast(1<<20, x.last))
	x.f = newPeers(t, 3, x.u.URL, append(storeAndLockers(t, kind), lease, "MODTIER_LOCKS_WAIT=2m")...)
	came := make(chan *download, clients)
	for _, g := range x.f.all {
		for range clients {
			go func() {
				d, err := g.begin(x.v.url("zip"))
				if err != nil {
					t.Error(err)
				}
				came <- d
			}()
		}
		for range clients {
			if d := <-came; d != nil {
				t.Cleanup(d.hangUp)
				x.begun[g] = append(x.begun[g], d)
			}
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	x.leader, x.others = x.f.holder()
	return x
}

// finish has the clients of these gateways read the rest.
func (x *streaming) finish(gs []*gateway) {
	x.t.Helper()
	ended := make(chan error)
	n := 0
	for _, g := range gs {
		for _, d := range x.begun[g] {
			n++
			go func() {
				err := d.finish()
				if err == nil {
					err = d.is(x.want)
				}
				ended <- err
			}()
		}
	}
	for range n {
		if err := <-ended; err != nil {
			x.t.Error(err)
		}
	}
}
