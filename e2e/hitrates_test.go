package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
)

// TestHitRatesAgree has clients ask for 10,000 files, and compares the hit rates that
// they reckon from Cache-Status with those of /metrics, of the page and of a real
// Prometheus.
func TestHitRatesAgree(t *testing.T) {
	t.Parallel()
	x := newTiered(t)
	prometheus := newPrometheus(t, "# EOF\n", host(x.url))
	eventually(t, "it is scraped", func() bool { return prometheus.is("count(modtier_config_info)", 1) })
	const requests = 10_000
	said := x.load(requests)
	if said.answers != requests {
		t.Fatalf("answers: got %d, want %d", said.answers, requests)
	}
	scraped := `sum(modtier_requests_total{kind=~"info|mod|zip"})`
	eventually(t, "Prometheus has counted them all", func() bool { return prometheus.is(scraped, requests) })

	page := x.status()
	for _, tier := range []string{"memory", "disk", "s3", "upstream"} {
		hits, misses := said.hits[tier], said.misses[tier]
		want := float64(hits) / float64(hits+misses)
		if hits < 100 || misses < 100 {
			t.Errorf("%s: %d hits and %d misses, which is too little to show anything", tier, hits, misses)
		}
		t.Logf("%s: %d hits, %d misses: %.4f", tier, hits, misses, want)
		of := func(result string) float64 {
			n := x.metric("modtier_tier_lookups_total", `tier="`+tier+`"`, result)
			if tier == "memory" {
				n -= x.metric("modtier_tier_lookups_total", `tier="`+tier+`"`, result, `kind="zip"`)
			}
			return n
		}
		agree(t, tier+": /metrics", of(`result="hit"`)/(of(`result="hit"`)+of(`result="miss"`)), want)
		if rate := page.tier(tier).HitRate; rate == nil {
			t.Errorf("%s: the page has no hit rate", tier)
		} else {
			agree(t, tier+": the page", *rate, want)
		}
		lookups := fmt.Sprintf(`modtier_tier_lookups_total{tier=%q,kind=~%q`, tier, map[bool]string{true: "info|mod", false: ".*"}[tier == "memory"])
		expr := fmt.Sprintf(`sum(increase(%s,result="hit"}[1h])) / sum(increase(%[1]s,result!="error"}[1h]))`, lookups)
		if got := prometheus.values(expr); len(got) != 1 {
			t.Errorf("%s: Prometheus: got %v for %s", tier, got, expr)
		} else {
			agree(t, tier+": Prometheus", got[0], want)
		}

		// Who joined another one's fill was not told who it came from.
		answers := x.metric("modtier_request_duration_seconds_count", `served_by="`+tier+`"`)
		if least, most := float64(hits), float64(hits+said.joined); answers < least-requests/1000 || answers > most+requests/1000 {
			t.Errorf("%s: files served: got %v, want from %v to %v", tier, answers, least, most)
		}
		if got := float64(page.tier(tier).Total.Answers); got != answers {
			t.Errorf("%s: files served: the page has %v, /metrics has %v", tier, got, answers)
		}
	}
}

// agree checks that two rates differ by no more than a thousandth.
func agree(t testing.TB, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= .001) {
		t.Errorf("%s: got a hit rate of %.4f, want %.4f", what, got, want)
	}
}

// A shownStatus is what of /status.json tests look at.
type shownStatus struct {
	Requests struct{ Total float64 }
	Tiers    []shownTier
	Fills    struct{ Joined float64 }
}

type shownTier struct {
	Name, State string
	HitRate     *float64 `json:"hit_rate"`
	Share       float64
	Total       struct{ Answers, Hits, Misses, Errors, Bytes float64 }
}

// status returns what the page shows of the last 15 minutes.
func (g *gateway) status() (s shownStatus) {
	g.t.Helper()
	code, text, err := g.get("/status.json?window=15m")
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		g.t.Fatalf("/status.json: status %d, %v", code, err)
	}
	return s
}

func (s shownStatus) tier(name string) (is shownTier) {
	for _, t := range s.Tiers {
		if t.Name == name {
			is = t
		}
	}
	return is
}
