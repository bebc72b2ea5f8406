package live_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/modtier/modtier/gateway/live"
)

var update = flag.Bool("update", false, "write the goldens")

var (
	now  = time.Date(2026, 5, 4, 12, 30, 0, 0, time.UTC)
	rate = .935
	p50  = .00005
	p99  = .0123
)

// status has something in every field.
func status() *live.Status {
	return &live.Status{
		Version: "v1.2.3", Time: now, Started: now.Add(-50 * time.Hour), Use: "go env -w GOPROXY=http://localhost:3000", Window: 300, Asked: 300,
		Requests: live.Requests{PerSecond: 12.5, Failed: .002, Total: 1234567},
		Tiers: []live.Tier{
			{Name: "memory", Role: "cache", State: "ok", Since: now.Add(-time.Hour), Holds: &live.Holds{Bytes: 1 << 20, Files: 10, Limit: 4 << 20},
				HitRate: &rate, Share: .75, RequestsPerSecond: 10, BytesPerSecond: 2048, P50: &p50, P99: &p99,
				Total: live.Counts{Answers: 5, Hits: 6, Misses: 7, Errors: 8, Bytes: 9}},
			{Name: "s3", Role: "store", Place: "modules", State: "down", Since: now.Add(-3 * time.Minute), Last: &live.Failure{Time: now.Add(-time.Second), Text: "s3: connection refused"}},
		},
		Others: []live.Server{{Name: "none", Share: .25, Total: 3}},
		Shares: []live.Share{{From: now.Add(-15 * time.Second), Seconds: 15, Answers: map[string]int64{"memory": 3, "none": 1}}},
		Fills: live.Fills{InFlight: 1, Joined: 4, Oldest: []live.Fill{
			{Module: "example.com/m", Version: "v1.0.0", Kind: "zip", Tier: "upstream", Bytes: 512, Size: 2048, Followers: 3, Started: now.Add(-2 * time.Second)}}},
		Queue: &live.Queue{Versions: 2, Bytes: 4096, Limit: 1 << 30, AgeLimit: 3600, Recovered: 1,
			Oldest: &live.Pending{Module: "example.com/q", Version: "v1.0.0", Stores: []string{"s3"}, Added: now.Add(-time.Hour), Bytes: 2048, Tries: 4, Error: "s3: the store is down"}},
		Locks:    &live.Locks{Type: "etcd", All: 1, Oldest: []live.Lock{{Name: "example.com/m@v1.0.0", State: "held", Since: now.Add(-2 * time.Second)}}},
		Problems: []live.Problem{{Time: now.Add(-time.Minute), Level: "ERROR", Message: "a store is down", Detail: "store=s3", Times: 2}},
	}
}

func explanation() *live.Explanation {
	then := now.Add(-time.Hour)
	return &live.Explanation{
		Module: "example.com/m", Version: "v1.0.0", Time: now,
		Tiers: []live.Held{
			{Tier: "disk", Files: []live.File{{Kind: "info", Held: true, Size: 99, ModTime: &then}, {Kind: "mod", Size: -1}, {Kind: "zip", Size: -1}}},
			{Tier: "s3", Files: []live.File{{Kind: "info", Size: -1, Error: "s3: refused"}, {Kind: "mod", Size: -1, Error: "s3: refused"}, {Kind: "zip", Size: -1}}},
		},
		Pending: &live.Pending{Module: "example.com/m", Version: "v1.0.0", Stores: []string{"s3"}, Added: then, Bytes: 99, Tries: 1},
		Fills:   []live.Fill{}, Locks: []live.Lock{},
	}
}

func TestTheShapeOfTheAPIStays(t *testing.T) {
	for name, v := range map[string]any{"status.json": status(), "explanation.json": explanation()} {
		got, err := json.MarshalIndent(v, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, '\n')
		if *update {
			if err := os.WriteFile("testdata/"+name, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got %s\nwant %s", name, got, want)
		}
	}
}

func page(t *testing.T, b []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func shows(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("the page has no %q", w)
		}
	}
}

func TestThePageShowsAllThereIsWithoutAScript(t *testing.T) {
	p := live.New("/x")
	b, err := p.Status(status())
	got := page(t, b, err)
	shows(t, got, "Down: s3.", "go env -w GOPROXY=http://localhost:3000", "93.5 %", "&lt; 0.1 ms", "12.3 ms", "1.00 MiB of 4.00 MiB",
		"s3: connection refused", "down for 3 min", "example.com/m@v1.0.0", "512 B of 2.00 KiB", "example.com/q@v1.0.0", "s3: the store is down",
		"a store is down", "× 2", `href="/x/status.css"`, `action="/x/explain"`, `M885.0 100.00h13.1v-75.00h-13.1z`, "0.2 % of them failed", "up 2 days", "In the last 5 min: ")
	for _, never := range []string{"<style", " style=", "<script>", "onclick", "http://www", "https://", "//cdn"} {
		if never = strings.TrimSpace(never); strings.Contains(strings.ReplaceAll(got, "xmlns='http://www.w3.org/2000/svg'", ""), never) {
			t.Errorf("the page has %q", never)
		}
	}
	b, err = p.Explanation("example.com/m@v1.0.0", explanation(), "")
	shows(t, page(t, b, err), "Held by disk. Not known: s3.", "99 B", "1 h old", "not held", "cannot say", "s3: refused", "waits to be saved")
}

func TestNothingHoldsNothing(t *testing.T) {
	b, err := live.New("").Status(&live.Status{Time: now, Tiers: []live.Tier{{Name: "disk", State: "ok"}}})
	shows(t, page(t, b, err), "All tiers are well.", "none failed", "None.")
}

func TestNamesOfStrangersStayText(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>' javascript:alert(1)`
	s := status()
	s.Use, s.Version = evil, evil
	for i := range s.Tiers {
		s.Tiers[i].Name, s.Tiers[i].Place, s.Tiers[i].State, s.Tiers[i].Last = evil, evil, evil, &live.Failure{Text: evil}
	}
	s.Fills.Oldest[0] = live.Fill{Module: evil, Version: evil, Kind: evil, Tier: evil, Size: 1}
	s.Queue.Oldest.Module, s.Queue.Oldest.Error, s.Queue.Oldest.Stores = evil, evil, []string{evil}
	s.Locks.Oldest[0].Name, s.Locks.Type = evil, evil
	s.Problems[0] = live.Problem{Level: evil, Message: evil, Detail: evil}
	p := live.New("")
	b, err := p.Status(s)
	pages := []string{page(t, b, err)}
	e := explanation()
	e.Module, e.Version, e.Tiers[0].Tier, e.Tiers[1].Files[0].Error = evil, evil, evil, evil
	b, err = p.Explanation(evil, e, "")
	pages = append(pages, page(t, b, err))
	b, err = p.Explanation(evil, nil, evil)
	pages = append(pages, page(t, b, err))
	for i, got := range pages {
		for _, bad := range []string{"<script>alert", "<img", `href="javascript`} {
			if strings.Contains(got, bad) {
				t.Errorf("page %d has %q", i, bad)
			}
		}
		if !strings.Contains(got, "&lt;script&gt;alert(1)") {
			t.Errorf("page %d does not show the name", i)
		}
	}
}
