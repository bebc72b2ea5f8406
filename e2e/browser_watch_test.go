package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// watch notes what no page may do: say an error or a warning on the console, throw
// what nobody catches, ask another host, or go against its own policy and against what
// browsers advise.
func (b *browser) watch() {
	b.t.Helper()
	err := chromedp.Listen(b.ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventConsoleAPICalled:
			if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
				b.note("on the console: "+string(e.Type), e.Args)
			}
		case *runtime.EventExceptionThrown:
			b.note("nobody catches", e.ExceptionDetails)
		case *log.EventEntryAdded:
			if e.Entry.Level == "error" || e.Entry.Level == "warning" {
				b.note("in the log", e.Entry)
			}
		case *network.EventRequestWillBeSent:
			if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && !b.may(u.Host) {
				b.note("another host is asked", e.Request.URL)
			}
		case *audits.EventIssueAdded:
			b.note("an issue", e.Issue)
		}
	})
	if err != nil {
		b.t.Fatal("watching the browser: ", err)
	}
	b.do(told(network.Enable, network.EnableParams{}), told(log.Enable, cdp.Empty{}), told(audits.Enable, cdp.Empty{}))
}

func (b *browser) note(fault string, what any) {
	text, err := json.Marshal(what)
	if err != nil {
		text = []byte(err.Error())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, fault+": "+string(text))
}

// may reports whether a page may ask a host.
func (b *browser) may(host string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.hosts, host)
}

// found returns what was wrong until now, and forgets it.
func (b *browser) found() (faults []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	faults, b.faults = b.faults, nil
	return faults
}

// TestTheBrowserSeesWhatIsWrongWithAPage has a page with one fault of each kind, for
// else that other tests find none shows nothing.
func TestTheBrowserSeesWhatIsWrongWithAPage(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	for _, tc := range []struct{ claim, page, policy, want string }{
		{"it says an error", `<script>console.error("sesame")</script>`, "", "on the console: error"},
		{"it says a warning", `<script>console.warn("sesame")</script>`, "", "on the console: warning"},
		{"it throws", `<script>throw new Error("sesame")</script>`, "", "nobody catches"},
		{"it leaves a promise that fails", `<script>Promise.reject("sesame")</script>`, "", "nobody catches"},
		{"it lacks what it refers to", `<link rel="stylesheet" href="/sesame.css">`, "", "in the log"},
		{"it asks another host", `<img src="http://127.0.0.1:1/sesame.png" alt="">`, "", "another host is asked"},
		{"it goes against its policy", `<script>document.title = "sesame"</script>`, "default-src 'none'", "an issue"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/" {
					http.NotFound(w, r)
					return
				}
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				if tc.policy != "" {
					w.Header().Set("Content-Security-Policy", tc.policy)
				}
				w.Write([]byte(`<!doctype html><html lang="en"><title>a page</title><link rel="icon" href="data:,">` + tc.page))
			}))
			defer server.Close()
			b.open(&gateway{url: server.URL}, "/")
			var all []string
			b.until("it is seen", func() bool {
				all = append(all, b.found()...)
				return slices.ContainsFunc(all, func(s string) bool { return strings.HasPrefix(s, tc.want) })
			})
			b.do(chromedp.Navigate("about:blank"))
			b.found()
		})
	}
}
