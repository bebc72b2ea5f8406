package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestAHookThatFailsClosesTheGate has a version that is held, and another proxy
// behind the gateway that has it too. Neither helps without a yes.
func TestAHookThatFailsClosesTheGate(t *testing.T) {
	t.Parallel()
	welcome := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	t.Cleanup(welcome.Close)
	for _, tc := range []struct {
		claim string
		page  http.HandlerFunc // nil is dead
		want  string
	}{
		{"it denies", func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "no licence", http.StatusForbidden)
		}, "403 Forbidden\n\tserver response: example.com/Wanted@v1.0.0 is refused by the validator (ValidatorHook): no licence"},
		{"it answers 500", func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "out of order", http.StatusInternalServerError)
		}, "502 Bad Gateway\n\tserver response: the validator (ValidatorHook) cannot be asked, and nothing is served without it: it answered 500"},
		{"it answers 404", http.NotFound, "502 Bad Gateway"},
		{"it leads to a page that is well", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, welcome.URL, http.StatusFound)
		}, "502 Bad Gateway"},
		{"it breaks off", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, "502 Bad Gateway"},
		{"it hangs", func(w http.ResponseWriter, r *http.Request) {
			r.Body.Read(make([]byte, 1000)) // else nobody notices that the gateway leaves
			<-r.Context().Done()
		}, "504 Gateway Timeout"},
		{"it is dead", nil, "502 Bad Gateway"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			t.Parallel()
			var well atomic.Bool
			hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !well.Load() {
					tc.page(w, r)
				}
			}))
			t.Cleanup(hook.Close)
			address := hook.URL
			if tc.page == nil {
				address = "http://" + vacant(t)
			}
			up, other := newUpstream(t, wanted), newUpstream(t, wanted)
			o := options{upstream: up.URL, dir: t.TempDir(), env: []string{"ATHENS_PROXY_VALIDATOR=" + address}}
			hold(t, o.dir, wanted)
			g := start(t, o)
			proxies := g.url + "," + other.URL
			held := question{"download", wanted.path, wanted.version}
			held.reports(t, proxies, "error: "+tc.want)
			if !strings.HasPrefix(tc.want, "504") { // each of which takes the hook's time
				question{"get", wanted.path, ""}.reports(t, proxies, "error: "+tc.want)
				question{"list", wanted.path, ""}.reports(t, proxies, "error: "+tc.want)
			}
			if n := len(other.requests(wanted.url("info"))) + len(other.requests(wanted.url("mod"))) + len(other.requests(wanted.url("zip"))); n > 0 {
				t.Error("the next proxy was asked for what nobody has allowed")
			}
			// A list names no version, so there is nothing to ask the hook about; but
			// the go command wants the go.mod of the last one, which may retract some.
			if status, list, err := g.get("/example.com/!wanted/@v/list"); err != nil || status != http.StatusOK || string(list) != "v1.0.0\n" {
				t.Errorf("the list: got status %d, %q, %v", status, list, err)
			}
			if status, _, err := g.get("/readyz"); err != nil || status != http.StatusOK {
				t.Errorf("/readyz: got status %d, %v", status, err)
			}
			if tc.page != nil && !strings.HasPrefix(tc.want, "403") {
				well.Store(true)
				held.reports(t, proxies, "v1.0.0") // a failure is not remembered
			}
			for _, kind := range kinds {
				if n := len(up.requests(wanted.url(kind))); n > 0 {
					t.Error("the upstream was asked for what is held")
				}
			}
		})
	}
}

// TestAFilterOfVersionsWithTheGoCommand has a rule that lets one minor version of a
// module in: a list tells all of them, and the others are refused, though they are
// held, and at the next proxy too.
func TestAFilterOfVersionsWithTheGoCommand(t *testing.T) {
	t.Parallel()
	var vs []version
	for _, v := range []string{"v1.0.0", "v1.1.0", "v1.1.5", "v1.2.0"} {
		vs = append(vs, version{path: "example.com/Filtered", version: v, size: 100})
	}
	up, other := newUpstream(t, vs...), newUpstream(t, vs...)
	o := options{upstream: up.URL, dir: t.TempDir(), env: []string{"ATHENS_FILTER_FILE=" + rules(t, "-\n+ example.com/Filtered ~v1.1.0\n")}}
	hold(t, o.dir, vs[0])
	g := start(t, o)
	proxies := g.url + "," + other.URL
	const refused = "error: 403 Forbidden\n\tserver response: example.com/Filtered@"
	for _, tc := range []struct{ kind, version, want string }{
		{"download", "v1.0.0", refused + "v1.0.0 is not served here"},
		{"download", "v1.1.0", "v1.1.0"},
		{"download", "v1.2.0", refused + "v1.2.0 is not served here"},
		{"list", "", refused + "v1.2.0"}, // whose go.mod the go command wants: it may retract some
		{"get", "", refused + "v1.2.0"},
	} {
		question{tc.kind, vs[0].path, tc.version}.reports(t, proxies, tc.want)
	}
	if status, list, err := g.get("/example.com/!filtered/@v/list"); err != nil || status != http.StatusOK || string(list) != "v1.0.0\nv1.1.0\nv1.1.5\nv1.2.0\n" {
		t.Errorf("the list: got status %d, %q, %v", status, list, err)
	}
	for _, v := range []version{vs[0], vs[3]} {
		for _, kind := range kinds {
			if n := len(other.requests(v.url(kind))) + len(up.requests(v.url(kind))); n > 0 {
				t.Errorf("%s was asked for somewhere", v.url(kind))
			}
		}
	}
}
