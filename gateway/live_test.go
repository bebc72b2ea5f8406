package gateway_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/gateway/live"
	"github.com/modtier/modtier/tiers"
)

// withLive gives a site a page, and notes what it is asked for.
func withLive(asked *[]string) func(*site) {
	return func(s *site) {
		s.gateway.Live = gateway.Live{
			Status: func(window time.Duration) *live.Status {
				*asked = append(*asked, window.String())
				return &live.Status{Version: "v1.2.3", Time: time.Now(), Tiers: []live.Tier{{Name: "memory", State: "ok"}}}
			},
			Explain: func(_ context.Context, v module.Version) (*live.Explanation, error) {
				*asked = append(*asked, v.String())
				switch v.Path {
				case "example.com/busy":
					return nil, tiers.ErrBusy
				case "example.com/broken":
					return nil, errors.New("out of order")
				}
				return &live.Explanation{Module: v.Path, Version: v.Version, Time: time.Now()}, nil
			},
			Use: func(base *url.URL) string { return "go env -w GOPROXY=" + base.String() },
		}
	}
}

const html = "text/html; charset=utf-8"

// browser is what a browser accepts.
var browser = []string{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}

func TestThePage(t *testing.T) {
	var asked []string
	s := newSite(t, withLive(&asked))
	t.Run("a browser gets it at /, and a shell the line to paste as ever", func(t *testing.T) {
		got := s.get(t, "/", browser...).is(t, 200).has(t, "Content-Type", html).has(t, "Vary", "Accept").has(t, "Cache-Control", "no-store")
		if want := "go env -w GOPROXY=" + s.URL; !strings.Contains(got.body, want) {
			t.Errorf("the page has no %q", want)
		}
		for _, accept := range []string{"*/*", "", "text/plain"} {
			s.get(t, "/", "Accept", accept).is(t, 200).says(t, "This is modtier.\n").has(t, "Vary", "Accept")
		}
		s.get(t, "/status", "Accept", "*/*").is(t, 200).has(t, "Content-Type", html)
	})
	t.Run("nothing in it may come from elsewhere, or be inline", func(t *testing.T) {
		for _, path := range []string{"/", "/status", "/explain/example.com/m@v1.0.0", "/explain"} {
			got := s.get(t, path, browser...).is(t, 200).has(t, "X-Content-Type-Options", "nosniff").has(t, "Cache-Control", "no-store")
			policy := got.header.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
				t.Errorf("%s: Content-Security-Policy: got %q", path, policy)
			}
		}
	})
	t.Run("what it refers to is sent once", func(t *testing.T) {
		for path, kind := range map[string]string{"/status.css": "text/css; charset=utf-8", "/status.js": "text/javascript; charset=utf-8"} {
			got := s.get(t, path).is(t, 200).has(t, "Content-Type", kind).has(t, "X-Content-Type-Options", "nosniff").has(t, "Cache-Control", "private, no-cache")
			s.get(t, path, "If-None-Match", got.header.Get("ETag")).is(t, 304).says(t, "")
		}
	})
	t.Run("the window is what is asked for, within bounds", func(t *testing.T) {
		asked = nil
		for _, q := range []string{"", "?window=1m", "?window=15m", "?window=100h", "?window=-1s", "?window=x"} {
			s.get(t, "/status.json"+q).is(t, 200).has(t, "Content-Type", "application/json").has(t, "Cache-Control", "no-store")
		}
		if got, want := strings.Join(asked, " "), "5m0s 1m0s 15m0s 15m0s 10s 5m0s"; got != want {
			t.Errorf("got windows %s, want %s", got, want)
		}
	})
	t.Run("HEAD tells the length", func(t *testing.T) {
		for _, path := range []string{"/status", "/status.json", "/status.css", "/explain/example.com/m@v1.0.0"} {
			if head := s.ask(t, "HEAD", path).is(t, 200).says(t, ""); head.header.Get("Content-Length") == "" {
				t.Errorf("%s: no length", path)
			}
		}
	})
}

func TestExplainReadsNamesAsTheProtocolDoes(t *testing.T) {
	var asked []string
	s := newSite(t, withLive(&asked))
	for _, path := range []string{
		"/explain/github.com/Azure/thing@v1.2.3", "/explain/github.com/!azure/thing@v1.2.3",
		"/explain?q=github.com/Azure/thing@v1.2.3", "/explain?q=+github.com%2FAzure%2Fthing++v1.2.3+", "/explain?q=require+github.com/Azure/thing+v1.2.3",
		"/explain?q=github.com/Azure/thing+v1.2.3+//+indirect",
	} {
		asked = nil
		s.get(t, path).is(t, 200).has(t, "Content-Type", "application/json").has(t, "Vary", "Accept")
		if got := strings.Join(asked, " "); got != "github.com/Azure/thing@v1.2.3" {
			t.Errorf("%s: asked for %q", path, got)
		}
	}
	asked = nil
	for _, bad := range []string{"", "example.com/m", "example.com/m@", "@v1.0.0", "example.com/m@main", "example.com/m@v1", "example.com/m@v2.0.0",
		"../etc@v1.0.0", "example.com/a%20b%20c@v1.0.0", "example.com/m@v1.0.0/@v/v1.0.0", "example.com/!M@v1.0.0", "example.com/m@v1.0.0%00", "<script>@v1.0.0"} {
		s.get(t, "/explain?q="+url.QueryEscape(bad)).is(t, 400).has(t, "Content-Type", plain)
		if bad != "" {
			got := s.get(t, "/explain?html&q="+url.QueryEscape(bad)).is(t, 400).has(t, "Content-Type", html)
			if strings.Contains(got.body, "<script>@") {
				t.Errorf("%q stands in the page as it is", bad)
			}
		}
	}
	if len(asked) > 0 {
		t.Errorf("asked for %q", asked)
	}
	s.get(t, "/explain/example.com/busy@v1.0.0").is(t, 503).tells(t, "too many")
	s.get(t, "/explain/example.com/broken@v1.0.0").is(t, 500)
	s.get(t, "/explain/example.com/m@v1.0.0?html").is(t, 200).has(t, "Content-Type", html)
}

func TestThePageIsGuardedAsTheRestIs(t *testing.T) {
	var asked []string
	s := newSite(t, withLive(&asked), func(s *site) {
		s.gateway.Prefix = "/go"
		s.gateway.User, s.gateway.Pass = "ci", "s3cret"
	})
	for _, path := range []string{"/", "/status", "/status.json", "/status.css", "/status.js", "/explain", "/explain/example.com/m@v1.0.0"} {
		s.get(t, "/go"+path, browser...).is(t, 401)
		if asked != nil {
			t.Fatalf("%s: asked for %q without a password", path, asked)
		}
	}
	auth := append([]string{"Authorization", basic("ci", "s3cret")}, browser...)
	for _, path := range []string{"/go", "/go/", "/go/status", "/go/status.json", "/go/status.css", "/go/explain/example.com/m@v1.0.0"} {
		got := s.get(t, path, auth...).is(t, 200)
		if strings.Contains(got.body, "s3cret") {
			t.Errorf("%s tells the password", path)
		}
		if got.header.Get("Content-Type") == html && !strings.Contains(got.body, `href="/go/status.css"`) {
			t.Errorf("%s: its style is not below the prefix", path)
		}
	}
	s.get(t, "/status", auth...).is(t, 404)
}

func TestASitesOwnTemplateStandsBeforeThePage(t *testing.T) {
	var asked []string
	name := filepath.Join(t.TempDir(), "home.html")
	s := newSite(t, withLive(&asked), func(s *site) { s.gateway.HomeFile = name })
	s.get(t, "/", browser...).is(t, 200).has(t, "Content-Security-Policy", live.Policy)
	if err := os.WriteFile(name, []byte("<p>ours"), 0o666); err != nil {
		t.Fatal(err)
	}
	s.get(t, "/", browser...).is(t, 200).says(t, "<p>ours").has(t, "Content-Security-Policy", "")
	s.get(t, "/").is(t, 200).says(t, "<p>ours")
	s.get(t, "/status", browser...).is(t, 200).has(t, "Content-Security-Policy", live.Policy)
}

func TestWithoutNumbersThereIsNoPage(t *testing.T) {
	s := newSite(t)
	s.get(t, "/", browser...).is(t, 200).says(t, "This is modtier.\n").has(t, "Vary", "")
	for _, path := range []string{"/status", "/status.json", "/explain/example.com/m@v1.0.0"} {
		s.get(t, path).is(t, 404)
	}
}
