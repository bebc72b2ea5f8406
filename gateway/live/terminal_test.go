package live

import (
	"strings"
	"testing"
	"time"
)

func TestStatusForATerminal(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	rate, p99 := .995, .012
	s := &Status{
		Version: "v1.2.3", Time: now, Started: now.Add(-3 * time.Hour), Window: 60,
		Requests: Requests{PerSecond: 12.3, Failed: .001, Total: 45678},
		Tiers: []Tier{
			{Name: "memory", State: "ok", HitRate: &rate, Share: .9, P99: &p99, Holds: &Holds{Bytes: 1 << 20, Limit: 256 << 20}},
			{Name: "s3", State: "down", Last: &Failure{now.Add(-time.Minute), "connection refused"}},
		},
		Fills: Fills{InFlight: 12, Oldest: []Fill{
			{Module: "example.com/m", Version: "v1.0.0", Kind: "zip", Tier: "upstream", Bytes: 50, Size: 200, Followers: 7, Started: now},
		}},
		Queue:    &Queue{Versions: 2, Bytes: 300, Oldest: &Pending{Module: "example.com/m", Version: "v1.0.0", Stores: []string{"s3"}, Added: now.Add(-5 * time.Second), Tries: 3, Error: "no route"}},
		Locks:    &Locks{Oldest: []Lock{{"example.com/m@v1.0.0", "held", now.Add(-2 * time.Second)}}},
		Problems: []Problem{{Time: now, Level: "ERROR", Message: "\x1b[2Jhidden", Detail: "a\tb"}},
	}
	var b strings.Builder
	if err := s.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	plain := " " + strings.Join(strings.Fields(b.String()), " ") + " "
	for _, want := range []string{
		"up 3 h. Down: s3.", "12.3 requests a second, 0.1 % of them failed",
		" memory ok 90.0 % 99.5 % 0 0 B – 12.0 ms 1.00 MiB of 256 MiB ",
		"s3, 1 min ago: connection refused",
		" upstream 0 s 25.0 % of 200 B 7 example.com/m@v1.0.0.zip and 11 more",
		"2 versions wait for a save, 300 B.", "waits for s3, for 5 s", "3 tries failed: no route",
		" held 2 s example.com/m@v1.0.0 ", "ERROR ?[2Jhidden",
	} {
		if !strings.Contains(plain, want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.ContainsAny(b.String(), "\x1b\t") {
		t.Errorf("a terminal would obey\n%q", b.String())
	}
}

func TestExplanationForATerminal(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	e := &Explanation{
		Module: "example.com/m", Version: "v1.0.0", Time: at,
		Tiers: []Held{
			{"disk", []File{{Kind: "info", Held: true, Size: 50, ModTime: &at}, {Kind: "mod", Held: true, Size: 60}, {Kind: "zip", Size: -1}}},
			{"s3", []File{{Kind: "info", Error: "s3: is down"}, {Kind: "mod", Error: "s3: is down"}, {Kind: "zip", Error: "s3: is down"}}},
		},
		Pending: &Pending{Module: "example.com/m", Version: "v1.0.0", Stores: []string{"s3"}, Added: at},
	}
	var b strings.Builder
	if err := e.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	plain := " " + strings.Join(strings.Fields(b.String()), " ") + " "
	for _, want := range []string{
		"example.com/m@v1.0.0: Held by disk. Not known: s3.", " disk 50 B 60 B – 2030-01-02T03:04:05Z ", " s3 ? ? ? – s3: s3: is down ",
		"It waits for a save.", "waits for s3, for 0 s",
	} {
		if !strings.Contains(plain, want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
