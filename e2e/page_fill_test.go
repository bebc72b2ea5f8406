package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// TestPageShowsAFillAndWhoWaitsForIt has an upstream keep the second half of a zip
// back, for which three clients wait.
func TestPageShowsAFillAndWhoWaitsForIt(t *testing.T) {
	t.Parallel()
	v := version{path: "example.com/Slow", version: "v1.2.3", size: 4 << 20}
	u := newUpstream(t, v)
	half := make(chan struct{})
	u.next(v.url("zip"), holdLast(2<<20, half))
	g := start(t, options{upstream: u.URL})
	b := newBrowser(t)
	b.open(g, "/")
	if got := b.text("[aria-labelledby=h-fills] .none"); got != "None." {
		t.Errorf("fills in flight before any: got %q, want None.", got)
	}
	b.mark()

	const clients = 3
	all := make([]*download, clients)
	for i := range all {
		var err error
		if all[i], err = g.begin(v.url("zip")); err != nil {
			t.Fatal(err)
		}
	}
	const row = "[aria-labelledby=h-fills] tbody tr"
	took := b.until("the page shows the fill", func() bool { return strings.Contains(b.text(row), "2.00 MiB of 4.00 MiB") })
	t.Logf("it took %v", took.Round(time.Millisecond))
	cells := ask[[]string](b, fmt.Sprintf(`[...document.querySelectorAll(%q)].map(c => c.textContent.trim())`, row+" > *"))
	if len(cells) != 5 || cells[0] != "example.com/Slow@v1.2.3 zip" || cells[1] != "upstream" || cells[3] != "3" {
		t.Errorf("the fill: got %q", cells)
	}
	if got := ask[float64](b, fmt.Sprintf("document.querySelector(%q).value", row+" progress")); got < .49 || got > .51 {
		t.Errorf("its progress: got %v, want a half", got)
	}
	if got := b.text("#h-fills"); !strings.Contains(got, "1; requests that joined one since the start: 2") {
		t.Errorf("the sum of fills: got %q", got)
	}

	close(half)
	b.until("the page shows no fill", func() bool { return b.text(row) == "" })
	for _, d := range all {
		if err := d.finish(); err != nil {
			t.Error(err)
		} else if err := d.is(v.file("zip")); err != nil {
			t.Error(err)
		}
	}
	if !b.marked() {
		t.Error("the page was loaded anew, so that is all that this shows")
	}
	t.Run("its module leads to where it is explained", func(t *testing.T) {
		later := make(chan struct{})
		next := version{path: "example.com/Later", version: "v1.0.0", size: 4 << 20}
		u.add(next)
		u.next(next.url("zip"), holdLast(1<<20, later))
		d, err := g.begin(next.url("zip"))
		if err != nil {
			t.Fatal(err)
		}
		b.until("the page shows the fill", func() bool { return strings.Contains(b.text(row), "example.com/Later") })
		b.write(row+" a", kb.Enter)
		b.until("it is explained", func() bool { return b.text("h1.version") == "example.com/Later@v1.0.0" })
		if got := b.text(".moves"); !strings.Contains(got, "The zip is on its way from upstream: 3.00 MiB of 4.00 MiB, for 1 request; it began") {
			t.Errorf("what is under way: got %q", got)
		}
		close(later)
		if err := d.finish(); err != nil {
			t.Error(err)
		}
	})
}
