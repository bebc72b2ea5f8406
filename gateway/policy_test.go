package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/gateway/policy"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

const elsewhere = "https://elsewhere.example/proxy"

// withFilter gives a site the filter of some lines, and withHook a hook.
func withFilter(t *testing.T, lines string) func(*site) {
	t.Helper()
	f, err := policy.ParseFilter("filter", []byte(lines), elsewhere+"/")
	if err != nil {
		t.Fatal(err)
	}
	return func(s *site) { s.gateway.Policy.Filter = f }
}

func withHook(t *testing.T, page http.HandlerFunc) func(*site) {
	server := httptest.NewServer(page)
	h := &policy.Hook{URL: server.URL + "/sesame", Timeout: 200 * time.Millisecond}
	t.Cleanup(server.Close)
	t.Cleanup(h.Close)
	return func(s *site) { s.gateway.Policy.Hook = h }
}

// stay makes the client of a site follow no redirects.
func stay(s *site) *site {
	s.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return s
}

// hotPaths are all that can be asked of hot, those with a version first.
var hotPaths = []string{
	"/example.com/hot/@v/v1.0.0.info", hotMod, hotZip, "/example.com/hot/@v/main.info",
	"/example.com/hot/@v/list", "/example.com/hot/@latest",
}

func TestWhatTheFilterExcludesIsRefusedThoughItIsHeld(t *testing.T) {
	before := newSite(t).warm(t)
	before.close()
	o := newOrigin(t)
	s := openSite(t, before.dir, o, withFilter(t, "- example.com/hot\n"))
	for _, path := range hotPaths {
		for _, p := range []string{path, "/cached-only" + path} {
			s.get(t, p).is(t, 403).has(t, "Cache-Control", "no-store").tells(t, "is not served here: the filter of this site (FilterFile) excludes it")
		}
	}
	if asked := o.requests(); len(asked) > 0 {
		t.Errorf("the upstream was asked for %q", asked)
	}
	s.get(t, "/readyz").is(t, 200)
	s.close()
	s = openSite(t, before.dir, o, withFilter(t, "- example.com/hot ^v1.1.0\n"))
	s.get(t, hotMod).is(t, 200)
	s.get(t, "/example.com/hot/@v/v1.2.0.mod").is(t, 403).tells(t, "example.com/hot@v1.2.0 is not served here")
}

func TestWhatTheFilterSendsElsewhereIsRedirected(t *testing.T) {
	for _, prefix := range []string{"", "/go"} {
		s := stay(newSite(t, withFilter(t, "D\n"), func(s *site) { s.gateway.Prefix = prefix }))
		untouched(t, s, func() {
			for _, path := range append(hotPaths, "/github.com/!azure/x/@v/v2.0.0+incompatible.zip", "/example.com/hot/@v/a%2520b%23.info") {
				s.get(t, prefix+path).is(t, 303).has(t, "Location", elsewhere+path).has(t, "Cache-Control", "no-store")
				s.get(t, prefix+"/cached-only"+path).is(t, 404)
			}
			s.get(t, prefix+"/github.com/%21azure/x/@v/list").is(t, 303).has(t, "Location", elsewhere+"/github.com/!azure/x/@v/list")
		})
	}
}

func TestAHookIsAskedForEachVersion(t *testing.T) {
	var asked atomic.Int64
	status := 200
	s := newSite(t, withHook(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Error(w, "no licence", status)
	}))
	for _, path := range hotPaths {
		s.get(t, path).is(t, 200)
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times, want for v1.0.0 and for main, and for no list", n)
	}
	s.get(t, hotMod).is(t, 200).has(t, "Cache-Control", "private, "+strings.TrimPrefix(forEver, "public, "))
	status = 403
	s.origin.add(module.Version{Path: "example.com/cold", Version: "v1.0.0"})
	before := len(s.origin.requests())
	s.get(t, "/example.com/cold/@v/v1.0.0.zip").is(t, 403).tells(t, "example.com/cold@v1.0.0 is refused by the validator (ValidatorHook): no licence")
	if got := s.origin.requests()[before:]; len(got) > 0 {
		t.Errorf("the upstream was asked for %q", got)
	}
}

func TestAHookThatFailsClosesTheGateThoughAFileIsHeld(t *testing.T) {
	before := newSite(t).warm(t)
	before.close()
	for _, tc := range []struct {
		claim  string
		page   http.HandlerFunc
		status int
		text   string
	}{
		{"it answers 500", speak(500, "sesame"), 502, "it answered 500"},
		{"it hangs", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // else nobody notices that the client leaves
			<-r.Context().Done()
		}, 504, "it did not answer within 200ms"},
		{"it breaks off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502, "the connection broke"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			s := openSite(t, before.dir, newOrigin(t), withHook(t, tc.page))
			defer s.close()
			got := s.get(t, hotMod).is(t, tc.status).has(t, "Cache-Control", "no-store").tells(t, tc.text)
			if strings.Contains(got.body, "sesame") || strings.Contains(got.body, "127.0.0.1") {
				t.Errorf("it tells where the hook is: %q", got.body)
			}
			s.get(t, "/healthz").is(t, 200)
		})
	}
}

func TestWithForceSSLPlainRequestsAreRedirected(t *testing.T) {
	s := stay(newSite(t, func(s *site) {
		s.gateway.ForceSSL, s.gateway.Prefix = true, "/go"
		s.gateway.User, s.gateway.Pass = "ci", "secret"
	}))
	https := strings.Replace(s.URL, "http://", "https://", 1)
	for _, path := range []string{"/go" + hotMod, "/go/github.com/!azure/x/@v/list", "/go/", "/go/robots.txt?x=y", "//elsewhere.example/x", "/go/healthz?deep=1"} {
		s.get(t, path).is(t, 301).has(t, "Location", https+path)
		s.get(t, path, "X-Forwarded-Proto", "http").is(t, 301)
	}
	for _, path := range []string{"/healthz", "/go/healthz", "/go/readyz"} {
		s.get(t, path).is(t, 200)
	}
	s.get(t, "/metrics", "Authorization", basic("ci", "secret")).is(t, 200)
	s.get(t, "/go"+hotMod, "X-Forwarded-Proto", "https").is(t, 401)
	s.get(t, "/go"+hotMod, "X-Forwarded-Proto", "HTTPS", "Authorization", basic("ci", "secret")).is(t, 200)
}

func TestPeersAreBoundByNoPolicy(t *testing.T) {
	s, c := newPeer(t, withFilter(t, "-\n"), withHook(t, speak(403, "no")), withModes(t, "none"), func(s *site) { s.gateway.ForceSSL = true })
	o, err := s.stack.Open(t.Context(), tierstest.Ref(hot, tiers.Zip))
	if err != nil {
		t.Fatal(err)
	}
	o.Body.Close()
	s.settle(t)
	if o, err = c.Open(t.Context(), s.URL, tierstest.Ref(hot, tiers.Zip)); err != nil {
		t.Fatal(err)
	}
	o.Body.Close()
}

func TestTheSitesOwnHome(t *testing.T) {
	name := filepath.Join(t.TempDir(), "home.html")
	s := newSite(t, func(s *site) {
		s.gateway.HomeFile = name
		s.gateway.NoSumPatterns = []string{"example.com/*", "<b>"}
	})
	ours := s.gateway.Home
	set := func(text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.get(t, "/").is(t, 200).says(t, ours) // it is not there
	set("<p>{{.Host}} {{.NoSumPatterns}}{{.Nothing}}")
	want := fmt.Sprintf("<p>%s example.com/*,&lt;b&gt;", s.URL)
	s.get(t, "/").is(t, 200).says(t, want).has(t, "Content-Type", "text/html; charset=utf-8").has(t, "X-Content-Type-Options", "nosniff")
	s.ask(t, "HEAD", "/").is(t, 200).has(t, "Content-Length", fmt.Sprint(len(want))).says(t, "")
	s.get(t, "/", "X-Forwarded-Proto", "https").says(t, strings.Replace(want, "http:", "https:", 1))
	set("<p>changed")
	s.get(t, "/").says(t, "<p>changed")
	for _, bad := range []string{"{{.Host", `{{template "x"}}`, strings.Repeat("x", 2<<20), `{{range "` + strings.Repeat("x", 1<<10) + `"}}` + strings.Repeat("{{.}}", 1<<10) + "{{end}}{{index .Host 99999}}"} {
		set(bad)
		s.get(t, "/").is(t, 200).says(t, ours)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
	s.get(t, "/").says(t, ours)
}

func TestCatalogListsNothingThatTheFilterExcludes(t *testing.T) {
	before := newSite(t).warm(t)
	before.close()
	s := openSite(t, before.dir, newOrigin(t))
	s.get(t, "/catalog").is(t, 200).says(t, `{"modules":[{"module":"example.com/hot","version":"v1.0.0"}],"next":""}`)
	s.close()
	s = openSite(t, before.dir, newOrigin(t), withFilter(t, "- example.com/hot\n"))
	s.get(t, "/catalog").is(t, 200).says(t, `{"modules":[],"next":""}`)
}
