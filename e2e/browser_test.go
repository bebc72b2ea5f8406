package e2e

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A browser is a real Chromium with one tab, in which people look at the pages of
// gateways. All that is wrong with a page, whatever the test is about, fails it.
type browser struct {
	t   testing.TB
	ctx context.Context

	mu     sync.Mutex // guards all below
	faults []string   // see watch
	hosts  []string   // that the pages may ask
}

// newBrowser starts one, which ends with the test. It reaches this machine only, and
// leaves nothing behind.
func newBrowser(t testing.TB) *browser {
	t.Helper()
	program := fromMake(t, "MODTIER_TEST_CHROMIUM_BIN")
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("headless", "new"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.UserDataDir(t.TempDir()), chromedp.NoInheritEnv, chromedp.Env(append(environ(t, sealed...), "TMPDIR="+scratch)...),
		chromedp.WSURLReadTimeout(patience), chromedp.CombinedOutput(io.Discard))
	alone, end := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), flags...)
	t.Cleanup(end)
	ctx, closeTab := chromedp.NewContext(alone, chromedp.WithErrorf(t.Logf))
	t.Cleanup(closeTab)
	b := &browser{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil { // it lives as long as the context that it is started with
		t.Fatal("starting the browser: ", err)
	}
	b.watch()
	t.Cleanup(func() {
		for _, fault := range b.found() {
			t.Error("the browser: ", fault)
		}
		ended := make(chan error, 1)
		go func() { ended <- chromedp.Cancel(ctx) }()
		select {
		case err := <-ended:
			if err != nil {
				t.Error("ending the browser: ", err)
			}
		case <-time.After(patience):
			t.Error("the browser does not end")
		}
	})
	return b
}

// do does things in the tab, all within patience.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal("the browser: ", err)
	}
}

// open shows a page of a gateway.
func (b *browser) open(g *gateway, path string) {
	b.t.Helper()
	b.mu.Lock()
	b.hosts = append(b.hosts, host(g.url))
	b.mu.Unlock()
	b.do(chromedp.Navigate(g.url + path))
}

// ask returns what an expression is in the page. That works in a page whose scripts
// do not run, too.
func ask[T any](b *browser, expression string) (is T) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("JSON.stringify("+expression+")"))
	if err == nil {
		err = json.Unmarshal([]byte(text), &is)
	}
	if err != nil {
		b.t.Fatalf("the browser: %s: %v", expression, err)
	}
	return is
}

// text returns the text of the first element that a selector names, as one reads it.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return oneLine(ask[string](b, "document.querySelector("+quoted(selector)+")?.textContent ?? ''"))
}

// focus gives an element the focus. Like what follows, it finds and uses the element at
// once: between two steps the page may put another in its place.
func (b *browser) focus(selector string) {
	b.t.Helper()
	ask[bool](b, "(document.querySelector("+quoted(selector)+").focus(), true)")
}

// write presses keys in an element.
func (b *browser) write(selector, keys string) {
	b.t.Helper()
	b.focus(selector)
	b.do(chromedp.KeyEvent(keys))
}

// quoted returns s as a script has it.
func quoted(s string) string {
	b, _ := json.Marshal(s) // it is a string
	return string(b)
}

// oneLine returns a text without the line ends and indents of its source. The narrow
// spaces in numbers stay.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t\n", r) }), " ")
}

// until waits until the page is as done says, and returns after how long it was. If it
// never is, the test has the page's text.
func (b *browser) until(what string, done func() bool) time.Duration {
	b.t.Helper()
	from := time.Now()
	for end := from.Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("waited in vain until %s; the page says:\n%s", what, ask[string](b, "document.body.innerText"))
		}
	}
	return time.Since(from)
}

// script says whether the pages that are opened from now on may run theirs.
func (b *browser) script(may bool) {
	b.t.Helper()
	b.do(told(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !may}))
}

// look has the tab have that width, and the colours that people have chosen.
func (b *browser) look(width int64, scheme string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 900), told(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
}

// told is a step in which the tab is told something.
func told[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, command, params)
		return err
	})
}

// mark marks the page, until it is loaded anew.
func (b *browser) mark() {
	b.t.Helper()
	ask[bool](b, "document.documentElement.toggleAttribute('data-mark', true)")
}

func (b *browser) marked() bool {
	b.t.Helper()
	return ask[bool](b, "document.documentElement.hasAttribute('data-mark')")
}
