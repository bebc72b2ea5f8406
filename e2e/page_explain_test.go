package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestSearchExplainsAFileInEachState types names into the search box, with a script
// and without.
func TestSearchExplainsAFileInEachState(t *testing.T) {
	t.Parallel()
	store := newS3Server(t)
	vs := many(5, "example.com/Explained", 20_000)
	recent, old, saved, queued, nowhere := vs[0], vs[1], vs[2], vs[3], vs[4]
	u := newUpstream(t, recent, old, saved, queued)
	env := store.env("", "MODTIER_HEALTH_TIMEOUT=300ms", "MODTIER_HEALTH_PROBE=1h")
	before := start(t, options{upstream: u.URL, env: env})
	for _, v := range []version{recent, saved} {
		before.serves(v)
	}
	before.saved()
	before.stop()
	o := options{upstream: u.URL, dir: t.TempDir(), env: env}
	hold(t, o.dir, old)
	g := start(t, o)
	g.serves(recent)
	g.rest()
	b := newBrowser(t)
	b.open(g, "/status")

	const held, not, unknown = "held", "not held", "cannot say"
	all := func(what string) []string { return []string{what, what, what} }
	for _, tc := range []struct {
		claim    string
		before   func()
		v        version
		summary  string
		tiers    map[string][]string // info, mod and zip
		underWay string
	}{
		{
			claim: "in memory, on disk and in the store", v: recent, summary: "Held by memory, disk, s3.",
			tiers:    map[string][]string{"memory": {held, held, not}, "disk": all(held), "s3": all(held)},
			underWay: "It does not wait to be saved.",
		}, {
			claim: "on disk only", v: old, summary: "Held by disk.",
			tiers: map[string][]string{"memory": all(not), "disk": all(held), "s3": all(not)},
		}, {
			claim: "in the store only", v: saved, summary: "Held by s3.",
			tiers: map[string][]string{"memory": all(not), "disk": all(not), "s3": all(held)},
		}, {
			claim: "nowhere", v: nowhere, summary: "No tier holds it.",
			tiers: map[string][]string{"memory": all(not), "disk": all(not), "s3": all(not)},
		}, {
			claim: "queued, for the store is down", v: queued, summary: "Held by memory, disk. Not known: s3.",
			before: func() {
				store.stop()
				g.serves(queued)
				eventually(t, "the store is down", func() bool { return g.degraded() == "down" })
			},
			tiers:    map[string][]string{"memory": {held, held, not}, "disk": all(held), "s3": all(unknown)},
			underWay: "It waits to be saved, for",
		}, {
			claim: "perhaps in the store that is down", v: saved, summary: "No tier that could be asked holds it. Not known: s3.",
			tiers: map[string][]string{"memory": all(not), "disk": all(not), "s3": all(unknown)},
		},
	} {
		if tc.before != nil {
			tc.before()
		}
		for _, script := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, %s", tc.claim, map[bool]string{true: "with a script", false: "without one"}[script]), func(t *testing.T) {
				b.script(script)
				b.open(g, "/status")
				b.write("#q", " "+tc.v.path+"@"+tc.v.version+" "+kb.Enter)
				b.until("it is explained", func() bool { return b.text("h1.version") == tc.v.path+"@"+tc.v.version })
				if got := b.text(".summary"); got != tc.summary {
					t.Errorf("the summary: got %q, want %q", got, tc.summary)
				}
				if got := b.text(".moves"); !strings.Contains(got, tc.underWay) {
					t.Errorf("what is under way: got %q, want %q", got, tc.underWay)
				}
				cells := ask[map[string][]string](b, `Object.fromEntries([...document.querySelectorAll(".held tbody tr:not(.error)")].map(tr =>
					[tr.querySelector("th").textContent, [...tr.querySelectorAll("td")].map(td => td.textContent)]))`)
				if len(cells) != len(tc.tiers) {
					t.Errorf("tiers: got %q", cells)
				}
				for tier, want := range tc.tiers {
					for i, kind := range kinds {
						got := cells[tier][i]
						if !strings.HasPrefix(got, want[i]) {
							t.Errorf("%s of %s: got %q, want %s", kind, tier, got, want[i])
						}
						if want[i] == held && (!strings.Contains(got, "B") || !strings.HasSuffix(got, "old")) {
							t.Errorf("%s of %s: got %q, want a size and an age", kind, tier, got)
						}
					}
				}
			})
		}
	}
}
