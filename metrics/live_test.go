package metrics_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// A script is a tier that answers what it is told to, after a time.
type script struct {
	took time.Duration
	err  error
	size int64
}

func (s *script) Open(context.Context, tiers.Ref) (*tiers.Object, error) {
	time.Sleep(s.took)
	if s.err != nil {
		return nil, s.err
	}
	return &tiers.Object{Size: s.size, Tier: "upstream"}, nil
}

// A known load has a memory tier of which every number is known.
type load struct {
	*metrics.Metrics
	*metrics.Live
	script
	source tiers.Source
}

func newLoad(t *testing.T) *load {
	l := &load{Metrics: metrics.New("v1.2.3")}
	l.source = l.Metrics.Source(&l.script, "upstream")
	l.Live = l.Metrics.Live("upstream")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.Run(ctx)
	}()
	t.Cleanup(func() { stop(); <-ended })
	return l
}

func (l *load) asks(n int, kind tiers.Kind, s script) {
	l.script = s
	for range n {
		l.source.Open(context.Background(), tierstest.Ref(version, kind))
	}
}

func TestLive(t *testing.T) {
	claim := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
	}
	claim("a window counts what came in it, and the total all", func(t *testing.T) {
		l := newLoad(t)
		l.asks(6, tiers.Mod, script{size: 100})
		time.Sleep(10 * time.Minute)
		l.asks(3, tiers.Zip, script{size: 1000})
		l.asks(1, tiers.Mod, script{err: fs.ErrNotExist})
		l.asks(2, tiers.Info, script{err: errors.New("refused")})
		r := l.Read(5 * time.Minute)
		if d := r.To.Sub(r.From); d != 5*time.Minute {
			t.Errorf("the window is of %v, want 5m", d)
		}
		w, total := r.Tiers[0].Window, r.Tiers[0].Total
		if w.Hits != 3 || w.Misses != 1 || w.Errors != 2 || w.Bytes != 3000 || w.Opens != 6 {
			t.Errorf("window: got %+v", w)
		}
		if rate, ok := w.HitRate(); !ok || rate != .75 {
			t.Errorf("hit rate: got %v, %t, want 0.75: an error is neither", rate, ok)
		}
		if total.Hits != 9 || total.Misses != 1 || total.Errors != 2 || total.Bytes != 3600 || total.Opens != 12 {
			t.Errorf("total: got %+v", total)
		}
	})

	claim("before a window has passed, it begins at the start", func(t *testing.T) {
		l := newLoad(t)
		start := time.Now()
		l.asks(1, tiers.Mod, script{})
		time.Sleep(time.Second)
		if r := l.Read(5 * time.Minute); !r.From.Equal(start) || r.Tiers[0].Window.Hits != 1 {
			t.Errorf("got %+v, want since %v", r, start)
		}
		if rate, ok := l.Read(time.Minute).Tiers[0].Total.HitRate(); !ok || rate != 1 {
			t.Errorf("hit rate: got %v, %t", rate, ok)
		}
	})

	claim("times are what histogram_quantile makes of the buckets", func(t *testing.T) {
		l := newLoad(t)
		l.asks(50, tiers.Mod, script{took: 20 * time.Millisecond}) // in (10 ms, 25 ms]
		l.asks(50, tiers.Mod, script{took: 2 * time.Second})       // in (1 s, 2.5 s]
		w := l.Read(5 * time.Minute).Tiers[0].Window
		if w.P50 != 25*time.Millisecond {
			t.Errorf("p50: got %v, want the upper bound of the half", w.P50)
		}
		if want := time.Second + 1470*time.Millisecond; w.P99.Round(time.Millisecond) != want { // 49 of 50 of the way
			t.Errorf("p99: got %v, want %v", w.P99, want)
		}
		l.asks(10, tiers.Mod, script{took: 6 * time.Minute})
		if w := l.Read(time.Hour).Tiers[0].Window; w.P99 != 5*time.Minute {
			t.Errorf("p99 beyond the last bound: got %v, want that bound", w.P99)
		}
	})

	claim("who served which part, and what failed", func(t *testing.T) {
		l := newLoad(t)
		time.Sleep(31 * time.Second) // past where the clock has a multiple of 15 s
		for range 3 {
			l.Request("mod", 200, "memory", time.Millisecond, 1, "")
		}
		l.Request("zip", 502, "none", time.Millisecond, 1, "")
		l.Request("list", 200, "upstream", time.Millisecond, 1, "") // no file
		l.Request("other", 503, "gateway", time.Millisecond, 1, "") // a probe
		l.Request("peer", 502, "none", time.Millisecond, 1, "")     // another instance
		time.Sleep(16 * time.Second)
		l.Request("zip", 200, "disk", time.Millisecond, 1, "")
		r := l.Read(time.Minute)
		if r.Requests.All != 6 || r.Requests.Failed != 1 {
			t.Errorf("requests: got %+v, want 6 of which 1 failed", r.Requests)
		}
		if want := map[string]int64{"memory": 3, "none": 1, "disk": 1}; !maps.Equal(r.Requests.Answers, want) {
			t.Errorf("answers: got %v, want %v", r.Requests.Answers, want)
		}
		var got []map[string]int64
		for _, s := range r.Shares {
			if s.To.Sub(s.From) > 15*time.Second {
				t.Errorf("a share of %v", s.To.Sub(s.From))
			}
			if len(s.Answers) > 0 {
				got = append(got, s.Answers)
			}
		}
		if len(got) != 2 || !maps.Equal(got[0], map[string]int64{"memory": 3, "none": 1}) || !maps.Equal(got[1], map[string]int64{"disk": 1}) {
			t.Errorf("shares: got %v", got)
		}
	})

	claim("what is remembered is bounded", func(t *testing.T) {
		l := newLoad(t)
		time.Sleep(20 * time.Minute)
		r := l.Read(24 * time.Hour)
		if d := r.To.Sub(r.From); d < 15*time.Minute || d > 15*time.Minute+5*time.Second {
			t.Errorf("the oldest sample is %v old, want 15m and no more than 5s", d)
		}
		if n := len(r.Shares); n < 60 || n > 62 {
			t.Errorf("got %d shares, want those of 15 minutes", n)
		}
	})
}

func TestZipsAreNoMissesOfMemory(t *testing.T) {
	m, s := open(t)
	live := m.Live("memory", "disk")
	for _, kind := range []tiers.Kind{tiers.Mod, tiers.Zip} {
		for _, c := range s.Caches {
			c.Open(t.Context(), tierstest.Ref(version, kind))
		}
	}
	r := live.Read(time.Minute)
	if memory, disk := r.Tiers[0].Total.Misses, r.Tiers[1].Total.Misses; memory != 1 || disk != 2 {
		t.Errorf("misses: got %d of memory and %d of disk, want 1 and 2", memory, disk)
	}
}

func BenchmarkLiveRead(b *testing.B) {
	m := metrics.New("v1.2.3", "s3")
	for _, tier := range []string{"memory", "disk", "s3", "upstream"} {
		m.Source(new(script), tier)
	}
	live := m.Live("memory", "disk", "s3", "upstream")
	b.ReportAllocs()
	for b.Loop() {
		live.Read(time.Minute)
	}
}
