package main

import (
	"time"

	"github.com/modtier/modtier/config"
	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/gateway/live"
	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
)

// A shown tier is one of the page's, and what is known of it beside its series.
type shown struct {
	name, role, place string
	usage             func() (bytes, files int64) // nil if nobody counts it
	limit             int64
	look              tiers.Look             // nil if it is not to be asked what it holds
	condition         func() tiers.Condition // nil if it is always well
}

// A page is where the page at / has its numbers.
type page struct {
	shown     []shown // the fastest first
	started   time.Time
	live      *metrics.Live
	explainer *tiers.Explainer
	kept      watch         // what was filled, by the disk tier
	locks     *locks.Roster // nil if there are none
	lockType  string
	problems  func() []live.Problem // nil if nobody keeps them
}

// showDisk puts the disk tier on the page.
func (s *service) showDisk(c *config.Config, disk *tiers.Disk) {
	role := "cache"
	if c.StorageType == "disk" {
		role = "store"
	}
	s.shown = append(s.shown, shown{
		name: "disk", role: role, place: c.Tiers.Disk.Path,
		usage: disk.Usage, limit: disk.Limit(), look: disk.Look,
		condition: s.keeps,
	})
}

// keeping learns from a fill whether the disk tier keeps what comes.
func (s *service) keeping(f tiers.Fill) {
	if f.Kept() || f.Unkept != nil {
		s.kept.learn(f.Unkept)
	}
}

// keeps returns how the disk tier is. It is never down: what it has it serves.
func (s *service) keeps() tiers.Condition {
	c := s.kept.Condition()
	c.State = min(c.State, tiers.Unstable)
	return c
}

// addStatus gives the gateway a page.
func (s *service) addStatus(m *metrics.Metrics, version string) {
	if up, ok := s.stack.Upstream.(*watchedUpstream); ok {
		s.shown = append(s.shown, shown{name: "upstream", role: "upstream", place: s.upstream.String(), condition: up.Condition})
	}
	var names []string
	var asked []tiers.Asked
	for _, t := range s.shown {
		names = append(names, t.name)
		if t.look != nil {
			asked = append(asked, tiers.Asked{Name: t.name, Look: t.look, Condition: t.condition})
		}
	}
	s.live = m.Live(names...)
	s.explainer = &tiers.Explainer{Tiers: asked}
	s.started = time.Now()
	s.gateway.Live = gateway.Live{
		Status: func(window time.Duration) *live.Status {
			status := s.status(window)
			status.Version = version
			return status
		},
		Explain: s.explain,
		Use:     s.use,
	}
}

// status returns what the page shows.
func (s *service) status(window time.Duration) *live.Status {
	r := s.live.Read(window)
	seconds := max(r.To.Sub(r.From).Seconds(), 1)
	st := &live.Status{
		Time:    r.To,
		Started: s.started,
		Window:  seconds,
		Requests: live.Requests{
			PerSecond: float64(r.Requests.All) / seconds,
			Failed:    ratio(r.Requests.Failed, r.Requests.All),
			Total:     r.Total.All,
		},
		Fills:    s.fills(),
		Queue:    s.queued(),
		Locks:    s.held(),
		Others:   []live.Server{},
		Shares:   []live.Share{},
		Problems: []live.Problem{},
	}
	if s.problems != nil {
		st.Problems = s.problems()
	}
	files := int64(0)
	for _, n := range r.Requests.Answers {
		files += n
	}
	for i, t := range s.shown {
		st.Tiers = append(st.Tiers, t.tier(r.Tiers[i], seconds, files, s.started))
	}
	for _, name := range []string{"peer", "gateway", "none"} {
		if n := r.Total.Answers[name]; n > 0 {
			st.Others = append(st.Others, live.Server{Name: name, Share: ratio(r.Requests.Answers[name], files), Total: n})
		}
	}
	for _, share := range r.Shares {
		st.Shares = append(st.Shares, live.Share{From: share.From, Seconds: share.To.Sub(share.From).Seconds(), Answers: share.Answers})
	}
	return st
}

// tier returns t with what r counted of it.
func (t shown) tier(r metrics.TierReading, seconds float64, files int64, started time.Time) live.Tier {
	w := r.Window
	tier := live.Tier{
		Name: t.name, Role: t.role, Place: t.place,
		State: tiers.OK.String(), Since: started,
		Share:             ratio(w.Answers, files),
		RequestsPerSecond: float64(w.Hits+w.Misses+w.Errors) / seconds,
		BytesPerSecond:    float64(w.Bytes) / seconds,
		Total:             live.Counts{Answers: r.Total.Answers, Hits: r.Total.Hits, Misses: r.Total.Misses, Errors: r.Total.Errors, Bytes: r.Total.Bytes},
	}
	if rate, ok := w.HitRate(); ok {
		tier.HitRate = &rate
	}
	if w.Opens > 0 {
		p50, p99 := w.P50.Seconds(), w.P99.Seconds()
		tier.P50, tier.P99 = &p50, &p99
	}
	if t.usage != nil {
		bytes, files := t.usage()
		tier.Holds = &live.Holds{Bytes: max(bytes, 0), Files: max(files, 0), Limit: t.limit}
	}
	if t.condition != nil {
		c := t.condition()
		tier.State = c.State.String()
		if !c.Since.IsZero() {
			tier.Since = c.Since
		}
		if c.Last != nil {
			tier.Last = &live.Failure{Time: c.Failed, Text: cut(c.Last.Error(), maxDetail)}
		}
	}
	return tier
}

func ratio(part, all int64) float64 {
	if all == 0 {
		return 0
	}
	return float64(part) / float64(all)
}

func (s *service) fills() live.Fills {
	flights := s.stack.Flights()
	f := live.Fills{InFlight: len(flights), Joined: s.stack.Collapsed(), Oldest: []live.Fill{}}
	for _, flight := range flights[:min(len(flights), live.Most)] {
		f.Oldest = append(f.Oldest, shownFill(flight))
	}
	return f
}

func shownFill(f tiers.InFlight) live.Fill {
	return live.Fill{
		Module: f.Ref.Path, Version: f.Ref.Version, Kind: f.Ref.Kind.String(), Tier: f.Tier,
		Bytes: f.Bytes, Size: f.Size, Followers: f.Followers, Started: f.Started,
	}
}

func (s *service) queued() *live.Queue {
	q := s.stack.Queue
	if q == nil {
		return nil
	}
	shown := &live.Queue{
		Versions: q.Versions(), Bytes: q.Bytes(), Limit: q.Size, AgeLimit: q.Age.Seconds(), Recovered: q.Recovered(),
	}
	if p, ok := q.First(); ok {
		shown.Oldest = shownPending(p)
	}
	return shown
}

func shownPending(p tiers.Pending) *live.Pending {
	shown := &live.Pending{
		Module: p.Version.Path, Version: p.Version.Version, Stores: p.Stores,
		Added: p.Added, Bytes: p.Bytes, Tries: p.Tries, Saving: p.Saving,
	}
	if p.Err != nil {
		shown.Error = cut(p.Err.Error(), maxDetail)
	}
	return shown
}

func (s *service) held() *live.Locks {
	if s.locks == nil {
		return nil
	}
	held, all := s.locks.Held(live.Most)
	l := &live.Locks{Type: s.lockType, All: all, Oldest: []live.Lock{}}
	for _, h := range held {
		l.Oldest = append(l.Oldest, shownLock(h))
	}
	return l
}

func shownLock(h locks.Held) live.Lock {
	state := "held"
	if h.Waiting {
		state = "waiting"
	} else if h.Lost {
		state = "lost"
	}
	return live.Lock{Name: h.Name, State: state, Since: h.Since}
}
