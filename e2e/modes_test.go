package e2e

import (
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// hold puts versions into the directory of a disk tier.
func hold(t testing.TB, dir string, vs ...version) {
	t.Helper()
	for _, v := range vs {
		for _, kind := range kinds {
			put(t, filepath.Join(dir, filepath.FromSlash(v.name(kind))), v.file(kind))
		}
	}
}

// A question is one that a go command asks about a module: "download", "list" or
// "get".
type question struct{ kind, path, version string }

// ask returns what a new go command reports: a version or versions, or "error: " and
// its words.
func (q question) ask(t *testing.T, proxy string) string {
	t.Helper()
	c := newGo(t, proxy, "")
	switch q.kind {
	case "download":
		return c.download(q.path + "@" + q.version)
	case "list":
		out, err := c.try("list", "-m", "-versions", q.path)
		if err != nil {
			return "error: " + err.Error()
		}
		return strings.TrimSpace(strings.TrimPrefix(out, q.path))
	}
	if _, err := c.try("get", q.path+"@latest"); err != nil {
		return "error: " + err.Error()
	}
	return strings.TrimSpace(c.run("list", "-m", "-f", "{{.Version}}", q.path))
}

// download returns what go mod download -json reports of a version: that version, or
// "error: " and why not. It fails unless the exit status says the same.
func (g *goCommand) download(query string) string {
	g.t.Helper()
	out, err := g.try("mod", "download", "-json", query)
	var report struct{ Version, Error, Zip, GoModSum string }
	if broken := json.Unmarshal([]byte(out), &report); broken != nil {
		g.t.Fatalf("go mod download -json %s: %v, %v: %q", query, err, broken, out)
	}
	if (err != nil) != (report.Error != "") || (err == nil) != (report.Zip != "" && report.GoModSum != "") {
		g.t.Errorf("go mod download -json %s: got %v and %s", query, err, out)
	}
	if report.Error != "" {
		return "error: " + report.Error
	}
	return report.Version
}

// reports checks what a go command reports: want, or if that begins with "error: ",
// an error with these words.
func (q question) reports(t *testing.T, proxy, want string) {
	t.Helper()
	got := q.ask(t, proxy)
	words, isError := strings.CutPrefix(want, "error: ")
	if got != want && !(isError && strings.HasPrefix(got, "error: ") && strings.Contains(got, words)) {
		t.Errorf("%s %s %s: the go command reports %q, want %q", q.kind, q.path, q.version, got, want)
	}
}

// Each question is about modules of its own: the first answer changes the second.
var (
	heldOne    = question{"download", "example.com/Held/one", "v1.0.0"}
	heldList   = question{"list", "example.com/held-list", "v1.0.0"}
	heldGet    = question{"get", "example.com/held-get", "v1.0.0"}
	missingOne = question{"download", "example.com/Missing/one", "v1.2.0"}
	missingAll = question{"list", "example.com/missing-list", "v1.2.0"}
	missingGet = question{"get", "example.com/missing-get", "v1.2.0"}
	questions  = []question{heldOne, heldList, heldGet, missingOne, missingAll, missingGet}
)

// modules returns the versions that questions name, and of each module one more.
func modules(held, missing string) (vs []version) {
	for _, q := range questions {
		more := held
		if q.version == "v1.2.0" {
			more = missing
		}
		vs = append(vs, version{path: q.path, version: q.version, size: 100}, version{path: q.path, version: more, size: 100})
	}
	return vs
}

// heldModules are those of modules that a gateway holds.
func heldModules() (vs []version) {
	for _, q := range questions[:3] {
		vs = append(vs, version{path: q.path, version: q.version, size: 100})
	}
	return vs
}

func TestDownloadModesWithTheGoCommand(t *testing.T) {
	t.Parallel()
	const here, elsewhere = "v1.2.0 v1.2.5", "v1.2.0 v1.2.9"
	const notYet = "error: 404 Not Found\n\tserver response: not here yet: it is being fetched, so ask again later"
	const never = "error: 404 Not Found\n\tserver response: not "
	for _, tc := range []struct {
		mode  string
		want  [6]string // by questions
		later [6]string // what becomes of it; "" is the same
	}{
		{"sync", [6]string{"v1.0.0", "v1.0.0 v1.0.5", "v1.0.5", "v1.2.0", here, "v1.2.5"}, [6]string{}},
		{"async", [6]string{"v1.0.0", "v1.0.0", "v1.0.0", notYet, notYet, notYet},
			[6]string{"", "v1.0.0 v1.0.5", "v1.0.5", "v1.2.0", here, "v1.2.5"}},
		{"redirect", [6]string{"v1.0.0", "v1.0.0 v1.0.9", "v1.0.9", "v1.2.0", elsewhere, "v1.2.9"}, [6]string{}},
		{"async_redirect", [6]string{"v1.0.0", "v1.0.0 v1.0.9", "v1.0.9", "v1.2.0", elsewhere, "v1.2.9"}, [6]string{}},
		{"none", [6]string{"v1.0.0", "v1.0.0", "v1.0.0", never, never, never}, [6]string{}},
	} {
		t.Run(tc.mode, func(t *testing.T) {
			t.Parallel()
			up, other := newUpstream(t, modules("v1.0.5", "v1.2.5")...), newUpstream(t, modules("v1.0.9", "v1.2.9")...)
			o := options{upstream: up.URL, dir: t.TempDir(), env: []string{"ATHENS_DOWNLOAD_MODE=" + tc.mode, "ATHENS_DOWNLOAD_URL=" + other.URL}}
			hold(t, o.dir, heldModules()...)
			g := start(t, o)
			for i, q := range questions {
				q.reports(t, g.url, tc.want[i])
			}
			if redirects := strings.Contains(tc.mode, "redirect"); redirects != (other.total() > 0) {
				t.Errorf("%d requests were made elsewhere", other.total())
			}
			if fetches := tc.mode != "none" && tc.mode != "redirect"; fetches != (up.total() > 0) {
				t.Errorf("the upstream was asked %d times", up.total())
			}
			for _, v := range heldModules() {
				for _, u := range []*upstream{up, other} {
					if n := len(u.requests(v.url("zip"))); n > 0 {
						t.Errorf("%s, which is held, was asked for somewhere", v.path)
					}
				}
			}
			for i, q := range questions {
				if want := tc.later[i]; want != "" {
					eventually(t, q.kind+" of "+q.path+" is "+want, func() bool { return q.ask(t, g.url) == want })
				}
			}
			if tc.mode == "async_redirect" {
				v := version{path: missingOne.path, version: missingOne.version, size: 100}
				eventually(t, "what was redirected is here", func() bool {
					status, _, err := g.get("/cached-only" + v.url("zip"))
					return err == nil && status == 200
				})
				before := other.total()
				missingOne.reports(t, g.url, "v1.2.0")
				if other.total() != before {
					t.Error("what is here was asked for elsewhere")
				}
			}
		})
	}
}

// One file has a mode for each module; what no pattern is about follows the top.
func TestModesByPatternWithTheGoCommand(t *testing.T) {
	t.Parallel()
	named := func(path string) version { return version{path: path, version: "v1.0.0", size: 100} }
	up, other := newUpstream(t), newUpstream(t)
	kept := []version{named("example.com/there/kept"), named("example.com/kept")}
	for _, path := range []string{"example.com/team/Now", "example.com/team/now/deep", "example.com/later", "example.com/there/x", "example.com/rest", kept[0].path, kept[1].path} {
		up.add(named(path))
		other.add(named(path))
	}
	other.add(version{path: kept[0].path, version: "v1.0.9", size: 100}, version{path: kept[1].path, version: "v1.0.9", size: 100})
	text := `mode = "none"

download "example.com/team/*" {
  mode = "sync"
}

download "*.com/later" {
  mode = "async"
}

download "example.com/there" {
  mode        = "redirect"
  downloadURL = "` + other.URL + `"
}
`
	for name, value := range map[string]string{"file:": rules(t, text), "custom:": base64.StdEncoding.EncodeToString([]byte(text))} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options{upstream: up.URL, dir: t.TempDir(), env: []string{"ATHENS_DOWNLOAD_MODE=" + name + value}}
			hold(t, o.dir, kept...)
			g := start(t, o)
			for _, tc := range []struct{ path, download, list, get string }{
				{"example.com/team/Now", "v1.0.0", "v1.0.0", "v1.0.0"},
				{"example.com/team/now/deep", "v1.0.0", "v1.0.0", "v1.0.0"},
				{"example.com/later", "error: not here yet", "", ""},
				{"example.com/there/x", "v1.0.0", "v1.0.0", "v1.0.0"},
				{"example.com/there/kept", "v1.0.0", "v1.0.0 v1.0.9", "v1.0.9"},
				{"example.com/kept", "v1.0.0", "v1.0.0", "v1.0.0"},
				{"example.com/rest", "error: not here, and not fetched: what is missing of example.com/rest stays so (DownloadMode)", "error: 404 Not Found", "error: 404 Not Found"},
			} {
				question{"download", tc.path, "v1.0.0"}.reports(t, g.url, tc.download)
				if tc.list != "" { // of what is fetched behind it depends on how far that is
					question{"list", tc.path, ""}.reports(t, g.url, tc.list)
					question{"get", tc.path, ""}.reports(t, g.url, tc.get)
				}
			}
			for _, v := range append(kept, named("example.com/there/x"), named("example.com/rest")) {
				if n := len(up.requests(v.url("zip"))) + len(up.requests("/"+v.path+"/@v/list")); n > 0 {
					t.Errorf("the upstream was asked for %s, which is held, redirected or not fetched", v.path)
				}
			}
			for _, v := range kept {
				if n := len(other.requests(v.url("zip"))); n > 0 {
					t.Errorf("%s, which is held, was asked for elsewhere", v.path)
				}
			}
			later := question{"download", "example.com/later", "v1.0.0"}
			eventually(t, "what is fetched behind is here", func() bool { return later.ask(t, g.url) == "v1.0.0" })
		})
	}
}
