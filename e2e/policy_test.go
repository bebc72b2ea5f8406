package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

var (
	wanted   = version{path: "example.com/Wanted", version: "v1.0.0", size: 20_000}
	unwanted = version{path: "example.com/unwanted", version: "v1.2.0", size: 20_000}
)

// query names a version to the go command.
func query(v version) string { return v.path + "@" + v.version }

// says checks that a command failed, and what it told.
func says(t *testing.T, err error, want ...string) {
	t.Helper()
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("the go command says %v, want %q in it", err, w)
		}
	}
}

// rules writes a file of rules.
func rules(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rules")
	put(t, name, []byte(text))
	return name
}

// TestDownloadModes has a go command ask for a version that is held and for one
// that is not.
func TestDownloadModes(t *testing.T) {
	t.Parallel()
	const none, sync, redirected, later = "none", "sync", "redirected", "later"
	hcl := "mode = \"none\"\ndownloadURL = \"ELSEWHERE\"\ndownload \"example.com/un*\" {\n  mode = \"MODE\"\n}\n"
	for _, tc := range []struct{ value, outcome string }{
		{"sync", sync},
		{"none", none},
		{"redirect", redirected},
		{"async", later},
		{"async_redirect", redirected + later},
		{"file:" + strings.ReplaceAll(hcl, "MODE", "redirect"), redirected},
		{"custom:" + strings.ReplaceAll(hcl, "MODE", "async"), later},
		{"custom:" + strings.ReplaceAll(hcl, "MODE", "sync"), sync},
	} {
		name, _, _ := strings.Cut(tc.value, ":")
		t.Run(name+" gives "+tc.outcome, func(t *testing.T) {
			t.Parallel()
			up, other := newUpstream(t, wanted, unwanted), newUpstream(t, wanted, unwanted)
			first := start(t, options{upstream: up.URL})
			first.serves(wanted)
			first.rest()
			first.stop()
			before := up.total()

			value := strings.ReplaceAll(tc.value, "ELSEWHERE", other.URL)
			if text, ok := strings.CutPrefix(value, "file:"); ok {
				value = "file:" + rules(t, text)
			} else if text, ok := strings.CutPrefix(value, "custom:"); ok {
				value = "custom:" + base64.StdEncoding.EncodeToString([]byte(text))
			}
			g := start(t, options{upstream: up.URL, dir: first.dir, env: []string{"ATHENS_DOWNLOAD_MODE=" + value, "ATHENS_DOWNLOAD_URL=" + other.URL}})
			c := newGo(t, g.url, "")
			c.run("mod", "download", query(wanted))
			if up.total() != before || other.total() != 0 {
				t.Error("for what is held somebody was asked")
			}
			_, err := c.try("mod", "download", query(unwanted))
			switch {
			case tc.outcome == sync:
				if err != nil || other.total() > 0 {
					t.Errorf("got %v, and %d requests elsewhere", err, other.total())
				}
			case strings.HasPrefix(tc.outcome, redirected):
				if err != nil || len(other.requests(unwanted.url("zip"))) != 1 {
					t.Errorf("got %v, and the zip was asked for %d times elsewhere", err, len(other.requests(unwanted.url("zip"))))
				}
			case tc.outcome == none:
				says(t, err, "404", "not here, and not fetched: what is missing of example.com/unwanted stays so (DownloadMode)")
			default:
				says(t, err, "404", "not here yet: it is being fetched, so ask again later")
			}
			if strings.HasSuffix(tc.outcome, later) {
				eventually(t, "what is fetched behind is here", func() bool {
					_, err := newGo(t, g.url, "").try("mod", "download", query(unwanted))
					return err == nil && len(kept(t, g.dir)) == 6
				})
				g.serves(unwanted)
				for _, kind := range kinds {
					if n := len(up.requests(unwanted.url(kind))); n != 1 {
						t.Errorf("the upstream was asked %d times for the %s, want once", n, kind)
					}
				}
			} else if tc.outcome != sync && up.total() != before {
				t.Error("the upstream was asked")
			}
			c = newGo(t, g.url, "")
			out, err := c.try("list", "-m", "-versions", unwanted.path)
			if tc.outcome == none {
				says(t, err, "404")
			} else if tc.outcome != later && (err != nil || out != unwanted.path+" v1.2.0\n") {
				t.Errorf("go list -m -versions: got %q, %v", out, err)
			}
		})
	}
}

// Several proxies in a list: what this one does not have, the go command gets from
// the next one; what is forbidden, from none.
func TestWhatTheNextProxyIsAskedFor(t *testing.T) {
	t.Parallel()
	next := newUpstream(t, unwanted)
	for _, mode := range []string{"none", "async"} {
		g := start(t, options{upstream: newUpstream(t, unwanted).URL, env: []string{"ATHENS_DOWNLOAD_MODE=" + mode}})
		newGo(t, g.url+","+next.URL, "").run("mod", "download", query(unwanted))
	}
	before := next.total()
	g := start(t, options{upstream: newUpstream(t, unwanted).URL, env: []string{"ATHENS_FILTER_FILE=" + rules(t, "-\n")}})
	_, err := newGo(t, g.url+","+next.URL, "").try("mod", "download", query(unwanted))
	says(t, err, "403", "example.com/unwanted@v1.2.0 is not served here")
	if next.total() != before {
		t.Error("the next proxy was asked for what is forbidden")
	}
}

func TestTheFilterFile(t *testing.T) {
	t.Parallel()
	up, global := newUpstream(t, wanted, unwanted), newUpstream(t, version{path: "example.com/direct", version: "v1.0.0", size: 100})
	name := rules(t, "-\n+ example.com/Wanted ^v1.0.0\nD example.com/direct\n")
	g := start(t, options{upstream: up.URL, env: []string{"ATHENS_FILTER_FILE=" + name, "ATHENS_GLOBAL_ENDPOINT=" + global.URL, "ATHENS_PATH_PREFIX=/go"}})
	c := newGo(t, g.url+"/go", "")
	c.run("mod", "download", query(wanted))
	c.run("mod", "download", "example.com/direct@v1.0.0")
	c.run("list", "-m", "-versions", "example.com/direct")
	for _, args := range [][]string{{"mod", "download", query(unwanted)}, {"list", "-m", "-versions", unwanted.path}, {"list", "-m", unwanted.path + "@latest"}} {
		_, err := c.try(args...)
		says(t, err, "403 Forbidden", "the filter of this site (FilterFile) excludes it")
	}
	if n := len(up.requests(unwanted.url("info"))); n > 0 {
		t.Error("the upstream was asked for what is excluded")
	}
	put(t, name, []byte("+\n")) // which has effect at the next start
	_, err := newGo(t, g.url+"/go", "").try("mod", "download", query(unwanted))
	says(t, err, "403 Forbidden")
}

func TestTheValidatorHook(t *testing.T) {
	t.Parallel()
	const secret = "hook-sesame-77d1"
	var asked atomic.Int64
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		var q struct{ Module, Version string }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.Method != "POST" {
			http.Error(w, "want a question", http.StatusBadRequest)
			return
		}
		switch q.Module {
		case wanted.path:
		case unwanted.path:
			http.Error(w, "no licence", http.StatusForbidden)
		case "example.com/broken":
			http.Error(w, secret, http.StatusInternalServerError)
		default:
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(hook.Close)
	up := newUpstream(t, wanted, unwanted, version{path: "example.com/broken", version: "v1.0.0"}, version{path: "example.com/slow", version: "v1.0.0"})
	g := start(t, options{upstream: up.URL, env: []string{"ATHENS_PROXY_VALIDATOR=" + strings.Replace(hook.URL, "://", "://u:"+secret+"@", 1) + "/?key=" + secret}})
	c := newGo(t, g.url, "")
	c.run("mod", "download", query(wanted))
	if n := asked.Load(); n != 1 {
		t.Errorf("the hook was asked %d times for one version, want once", n)
	}
	for _, tc := range []struct{ version, want string }{
		{query(unwanted), "403 Forbidden\n\tserver response: example.com/unwanted@v1.2.0 is refused by the validator (ValidatorHook): no licence"},
		{"example.com/broken@v1.0.0", "it answered 500"},
		{"example.com/slow@v1.0.0", "it did not answer within 5s"},
	} {
		_, err := c.try("mod", "download", tc.version)
		says(t, err, tc.want)
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the go command is told where the hook is: %v", err)
		}
	}
	for _, path := range []string{"example.com/unwanted", "example.com/broken", "example.com/slow"} {
		for _, kind := range kinds {
			if n := len(up.requests("/" + path + "/@v/v1.0.0." + kind)); n > 0 {
				t.Errorf("the upstream was asked for %s", path)
			}
		}
	}
	hook.Close()
	_, err := newGo(t, g.url, "").try("mod", "download", "example.com/broken@v1.0.0")
	says(t, err, "502 Bad Gateway", "nobody answers there")
	g.stop()
	if strings.Contains(g.log.String(), secret) {
		t.Error("the secret of the hook is in the log")
	}
}

func TestForceSSL(t *testing.T) {
	t.Parallel()
	g := start(t, options{upstream: newUpstream(t, wanted).URL, env: []string{"PROXY_FORCE_SSL=true"}})
	_, err := newGo(t, g.url, "").try("mod", "download", query(wanted))
	says(t, err, strings.Replace(g.url, "http://", "https://", 1)) // where this gateway speaks no TLS
	if status, _, err := g.get("/readyz"); err != nil || status != http.StatusOK {
		t.Errorf("/readyz: got %d, %v", status, err)
	}
	// A proxy that ends TLS says so.
	to, err := url.Parse(g.url)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(to)
		p.Out.Header.Set("X-Forwarded-Proto", "https")
	}})
	t.Cleanup(front.Close)
	newGo(t, front.URL, "").run("mod", "download", query(wanted))
}

// Rules that cannot be understood end the start, with the place that is wrong.
func TestWrongRulesEndTheStart(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ claim, variable, want string }{
		{"a wrong line of the filter", "ATHENS_FILTER_FILE=" + rules(t, "-\n+ example.com/*\n"), ":2: want the path of a module"},
		{"a filter that is not there", "ATHENS_FILTER_FILE=" + filepath.Join(t.TempDir(), "absent"), "FilterFile: open"},
		{"an unknown mode at the top of a file", "ATHENS_DOWNLOAD_MODE=file:" + rules(t, "mode = \"bogus\"\n"), "mode: want a mode: sync, async"},
		{"a redirect to nowhere", "ATHENS_DOWNLOAD_MODE=redirect", "set without DownloadURL"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary(t), "--listen", "127.0.0.1:0", "--upstream", "off")
			cmd.Env = append(environ(t, sealed...), tc.variable, "MODTIER_DISK_PATH="+filepath.Join(t.TempDir(), "disk"))
			said, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(string(said), tc.want) {
				t.Errorf("got %v and %q, want exit status 1 and %q", err, said, tc.want)
			}
		})
	}
}
