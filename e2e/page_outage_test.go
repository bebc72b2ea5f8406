package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestPageShowsAStoreThatIsDown stops the store of a gateway while clients ask, and
// starts it again.
func TestPageShowsAStoreThatIsDown(t *testing.T) {
	t.Parallel()
	x := newOutage(t)
	b := newBrowser(t)
	b.open(x.g, "/status")
	b.until("all is well", func() bool { return b.text("#summary") == "All tiers are well." })
	b.mark()

	x.store.stop()
	stop := x.during()
	took := b.until("the page shows that the store is down", func() bool { return b.tiers()["s3"].State != "ok" && b.text("#summary") == "Down: s3." })
	t.Logf("it took %v", took.Round(time.Millisecond))
	stop()
	is := b.tiers()["s3"]
	if !strings.HasPrefix(is.State, "down") || !strings.HasPrefix(is.Why, "Last error, ") || !strings.Contains(is.Why, "s3: open ") {
		t.Errorf("the store: got %+v, want it down, and why", is)
	}
	if got, want := ask[string](b, "document.title"), "Down: s3. modtier"; got != want {
		t.Errorf("the title: got %q, want %q", got, want)
	}
	for _, name := range []string{"memory", "disk", "upstream"} {
		if got := b.tiers()[name].State; got != "ok" {
			t.Errorf("%s: got %q, want ok", name, got)
		}
	}
	b.until("the page shows what waits for the store", func() bool { return b.text(".oldest") != "" })
	if got := b.text(".oldest"); !strings.Contains(got, "example.com/Cold") || !strings.Contains(got, "lacked bys3") {
		t.Errorf("the oldest that waits: got %q", got)
	}
	b.until("the page shows the problem", func() bool { return strings.Contains(b.text(".log"), "ERROR a store is down") })

	x.store.start()
	took = b.until("the page shows that the store is well again", func() bool { return b.text("#summary") == "All tiers are well." })
	t.Logf("it took %v", took.Round(time.Millisecond))
	b.until("the page shows that nothing waits", func() bool { return b.text(".oldest") == "" })
	if got := b.tiers()["s3"]; got.State != "ok" || !strings.HasPrefix(got.Why, "Last error, ") {
		t.Errorf("the store in the end: got %+v, want it ok, and its last error", got)
	}
	if got := ask[string](b, "document.title"); got != "modtier" {
		t.Errorf("the title in the end: got %q, want modtier", got)
	}
	if !b.marked() {
		t.Error("the page was loaded anew, so that is all that this shows")
	}
}
