package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestPageShowsWhatIsCounted has the page of a gateway open while it is asked for
// files, and compares what it says to /metrics.
func TestPageShowsWhatIsCounted(t *testing.T) {
	t.Parallel()
	x := newTiered(t)
	b := newBrowser(t)
	b.open(x.gateway, "/status?window=15m")

	t.Run("its numbers move under load, and are those of /metrics", func(t *testing.T) {
		for name, tier := range b.tiers() {
			if tier.State != "ok" || tier.Numbers["hit rate"] != "–" {
				t.Errorf("before anything is asked for: %s is %+v", name, tier)
			}
		}
		b.mark() // which a page that is loaded anew has lost
		said := x.load(2000)
		before := x.asked()
		took := b.until("the page has the numbers of /metrics", func() bool { return b.differs(x) == "" })
		t.Logf("it took %v", took.Round(time.Millisecond))
		total := grouped(b.text(".facts"), " since the start")
		if total != before {
			t.Errorf("requests since the start: got %v, want %v", total, before)
		}
		if int(before) < said.answers {
			t.Errorf("requests counted: got %v, want %d at least", before, said.answers)
		}
		if !b.marked() {
			t.Error("the page was loaded anew, so that is all that this shows")
		}
	})
	t.Run("without a script, it has the same numbers after a while", func(t *testing.T) {
		b.script(false)
		b.open(x.gateway, "/status?window=15m")
		if is := b.differs(x); is != "" {
			t.Error(is)
		}
		before := grouped(b.text(".facts"), " since the start")
		x.load(200)
		took := b.until("the page was asked for again, and has the new numbers", func() bool {
			return grouped(b.text(".facts"), " since the start") >= before+200 && b.differs(x) == ""
		})
		t.Logf("it took %v", took.Round(time.Millisecond))
		if got, want := grouped(b.text(".facts"), " since the start"), x.asked(); got != want {
			t.Errorf("requests since the start: got %v, want %v: to look and to scrape are none", got, want)
		}
	})
}

// asked returns how many requests of clients /metrics has.
func (x *tiered) asked() (n float64) {
	for _, kind := range []string{"info", "mod", "zip", "list", "latest", "query", "sumdb"} {
		n += x.metric("modtier_requests_total", `kind="`+kind+`"`)
	}
	return n
}

// A pageTier is a tier as the page has it.
type pageTier struct {
	Name, State, Why string
	Numbers          map[string]string
}

// tiers returns those of the page by name.
func (b *browser) tiers() map[string]pageTier {
	b.t.Helper()
	all := make(map[string]pageTier)
	for _, tier := range ask[[]pageTier](b, `[...document.querySelectorAll("li.tier")].map(li => ({
		Name: li.querySelector("h3").textContent,
		State: li.querySelector(".state").textContent,
		Why: li.querySelector(".why")?.textContent ?? "",
		Numbers: Object.fromEntries([...li.querySelectorAll("dl > div")].map(d => [d.querySelector("dt").textContent, d.querySelector("dd").textContent])),
	}))`) {
		all[tier.Name] = tier
	}
	return all
}

// differs says in what the page is not what /metrics says, or "" if it is. Its window
// must be longer than the gateway runs.
func (b *browser) differs(x *tiered) string {
	b.t.Helper()
	shown := b.tiers()
	legend := ask[map[string]string](b, `Object.fromEntries([...document.querySelectorAll("#legend li")].map(li =>
		[li.querySelector("b").previousSibling.textContent.trim(), li.querySelector("b").textContent]))`)
	answers := func(labels ...string) (n float64) {
		for _, kind := range kinds {
			n += x.metric("modtier_request_duration_seconds_count", append(labels, `kind="`+kind+`"`)...)
		}
		return n
	}
	all := answers()
	for _, tier := range []string{"memory", "disk", "s3", "upstream"} {
		var hits, asked float64
		for _, kind := range kinds {
			if tier == "memory" && kind == "zip" {
				continue
			}
			labels := []string{`tier="` + tier + `"`, `kind="` + kind + `"`}
			hit := x.metric("modtier_tier_lookups_total", append(labels, `result="hit"`)...)
			hits += hit
			asked += hit + x.metric("modtier_tier_lookups_total", append(labels, `result="miss"`)...)
		}
		if want := inPercent(hits, asked); shown[tier].Numbers["hit rate"] != want {
			return fmt.Sprintf("%s: the page has a hit rate of %q, want %q", tier, shown[tier].Numbers["hit rate"], want)
		}
		if tier == "memory" {
			continue // no zip is served by it, and so there is no such series
		}
		if want := inPercent(answers(`served_by="`+tier+`"`), all); legend[tier] != want {
			return fmt.Sprintf("%s: the page has a share of %q, want %q", tier, legend[tier], want)
		}
	}
	return ""
}

// inPercent writes a part as the page does.
func inPercent(part, all float64) string {
	switch p := part / all * 100; { // in this order: a half is rounded as the page does
	case all == 0:
		return "–"
	case p == 0 || p == 100:
		return fmt.Sprintf("%.0f %%", p)
	case p > 99.9:
		return "> 99.9 %"
	case p < .1:
		return "< 0.1 %"
	default:
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	}
}

// grouped returns the number before a text, which has its thousands apart, or -1.
func grouped(text, after string) float64 {
	text, _, ok := strings.Cut(text, after)
	if !ok {
		return -1
	}
	text = text[strings.LastIndexAny(text, " ;")+1:]
	n, err := strconv.ParseFloat(strings.ReplaceAll(text, "\u202f", ""), 64)
	if err != nil {
		return -1
	}
	return n
}
