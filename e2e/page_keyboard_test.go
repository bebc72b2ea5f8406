package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestPageWithoutAMouse uses the page as who has a keyboard only.
func TestPageWithoutAMouse(t *testing.T) {
	t.Parallel()
	g, b := newBusy(t), newBrowser(t)
	t.Run("the tab key reaches all that one can use, in its order", func(t *testing.T) {
		b.open(g.gateway, "/status")
		var got []string
		for range 40 {
			b.do(chromedp.KeyEvent(kb.Tab))
			is := ask[string](b, focused)
			if is == "" {
				break
			}
			if seen := ask[bool](b, "getComputedStyle(document.activeElement).outlineStyle !== 'none'"); !seen {
				t.Errorf("%s: nobody sees that it has the focus", is)
			}
			got = append(got, is)
		}
		order := strings.Join(got, "\n")
		at := 0
		for _, want := range []string{"q", "Explain", "1 min", "5 min", "15 min", "h-fills", "example.com/Slow0@v1.0.0", "example.com/Queued0@v1.0.0", "h-locks", "h-problems", "JSON"} {
			i := strings.Index(order[at:], want)
			if i < 0 {
				t.Fatalf("%s does not come in its place:\n%s", want, order)
			}
			at += i
		}
	})
	t.Run("focus, what is typed and scrolling stay while the page is updated", func(t *testing.T) {
		b.open(g.gateway, "/status")
		b.write("#q", "example.com/half")
		for _, selector := range []string{"#q", ".windows a", "[aria-labelledby=h-fills] a"} {
			b.focus(selector)
			ask[bool](b, "(window.scrollTo(0, 120), document.activeElement.dataset.was = 'here', true)")
			before := b.text("#asof")
			b.until("the page is updated", func() bool { return b.text("#asof") != before })
			if got := ask[string](b, "document.activeElement.matches("+quoted(selector)+") ? 'yes' : document.activeElement.tagName"); got != "yes" {
				t.Errorf("%s: the focus has gone to %s", selector, got)
			}
			if got := ask[int](b, "window.scrollY"); got != 120 {
				t.Errorf("%s: scrolled to %d, want 120 as before", selector, got)
			}
		}
		if got := ask[string](b, "document.getElementById('q').value"); got != "example.com/half" {
			t.Errorf("what was typed: got %q", got)
		}
	})
}

// focused is what has the focus, or "" if nothing has.
const focused = `(e => e === document.body ? "" : e.getAttribute("aria-labelledby") || e.id || e.textContent)(document.activeElement)`
