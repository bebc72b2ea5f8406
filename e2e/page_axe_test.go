package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestAxeHasNothingSeriousAgainstThePage shows axe pages with something in each of
// their parts. With go test -artifacts it leaves pictures of them for people.
func TestAxeHasNothingSeriousAgainstThePage(t *testing.T) {
	t.Parallel()
	axe, err := os.ReadFile(fromMake(t, "MODTIER_TEST_AXE_BIN"))
	if err != nil {
		t.Fatal(err)
	}
	pictures := t.ArtifactDir()
	g, b := newBusy(t), newBrowser(t)
	explained := "/explain/" + g.held.path + "@" + g.held.version
	idle := start(t, options{})
	for _, p := range []struct {
		name string
		g    *gateway
		path string
	}{{"idle", idle, "/status"}, {"busy", g.gateway, "/status"}, {"explained", g.gateway, explained}, {"asking", idle, "/explain"}} {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1200, 360} {
				name := fmt.Sprintf("%s, %s, %d pixels wide", p.name, scheme, width)
				t.Run(name, func(t *testing.T) {
					b.look(width, scheme)
					b.open(p.g, p.path)
					for _, v := range b.violations(string(axe)) {
						t.Errorf("%s: %s: %s: %s", v.Impact, v.ID, v.Help, v.Nodes)
					}
					if wide := ask[int64](b, "document.documentElement.scrollWidth"); wide > width {
						t.Errorf("the page is %d pixels wide, so one must scroll sideways", wide)
					}
					picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
					if err != nil {
						t.Fatal(err)
					}
					put(t, filepath.Join(pictures, fmt.Sprintf("%s-%s-%d.png", p.name, scheme, width)), picture)
				})
			}
		}
	}
}

// A violation is what axe has against a page.
type violation struct {
	ID, Impact, Help string
	Nodes            []string
}

// violations returns those that axe calls serious or worse. It runs beside the page's
// own scripts, so the page's policy lets it.
func (b *browser) violations(axe string) []violation {
	b.t.Helper()
	const run = `
axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.
	filter(v => v.impact === "serious" || v.impact === "critical").
	map(v => ({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.map(n => n.html + ": " + n.failureSummary)}))))`
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](axe+run, chromedp.EvalAwaitPromise))
	var all []violation
	if err == nil {
		err = json.Unmarshal([]byte(text), &all)
	}
	if err != nil {
		b.t.Fatal("axe: ", err)
	}
	return all
}
