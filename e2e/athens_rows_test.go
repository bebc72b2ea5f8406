package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// held is a version that the gateways of the rows have served, and so is pseudo if
// they are [holding]; those of listed are in an upstream only.
var (
	held   = version{path: "example.com/Held", version: "v1.0.0", size: 5000}
	pseudo = version{path: "example.com/pseudo", version: "v0.0.0-20260102030405-0123456789ab"}
	listed = []version{{path: "example.com/listed", version: "v1.10.0"}, {path: "example.com/listed", version: "v1.2.0"}}
)

// holding starts a gateway that has served held and pseudo from another upstream.
func holding(t *testing.T, upstream string, env ...string) *gateway {
	t.Helper()
	first := start(t, options{upstream: newUpstream(t, held, pseudo).URL, env: []string{"ATHENS_SUM_DBS="}})
	first.serves(held)
	first.serves(pseudo)
	first.rest()
	first.stop()
	return start(t, options{upstream: upstream, dir: first.dir, env: append([]string{"ATHENS_SUM_DBS="}, env...)})
}

func pageRows(t *testing.T) []surfaceRow {
	up := newUpstream(t, held)
	g := start(t, options{upstream: up.URL, env: []string{"ATHENS_SUM_DBS="}})
	g.serves(held)
	g.rest()
	robots, home := rules(t, "User-agent: *\nAllow: /\n"), rules(t, "<p>{{.Host}}</p>")
	own := start(t, options{upstream: up.URL, env: []string{"ATHENS_ROBOTS_FILE=" + robots, "ATHENS_HOME_TEMPLATE_PATH=" + home}})
	filtered := holding(t, up.URL, "ATHENS_FILTER_FILE="+rules(t, "- example.com/pseudo\n"))
	indexing := start(t, options{upstream: up.URL, env: []string{"ATHENS_SUM_DBS=", "ATHENS_INDEX_TYPE=memory"}})
	indexing.serves(held)
	indexing.rest()
	const method, health = "Methods other than GET and HEAD", "`/healthz` and `/readyz`"
	rows := []surfaceRow{
		{g, "GET /", "200 | Content-Type: text/html*", "200 | Content-Type: text/plain; charset=utf-8", "`/` without a template"},
		{own, "GET /", "200 | Content-Type: text/html* | Body: <p>" + own.url + "</p>", "", ""},
		{g, "GET /healthz", "200 | Content-Type: application/json | Body: empty", "200 | Content-Type: text/plain; charset=utf-8 | Body: ok\n", health},
		{g, "GET /healthz Athens-Request-ID: 7", "200 | Athens-Request-Id: none", "", ""},
		{g, "GET /readyz", "200", "", ""},
		{g, "GET /version", "200 | Content-Type: text/plain*", "200 | Content-Type: application/json", "`/version`"},
		{g, "GET /catalog", `200 | Body: {"modules":\[{"module":"example.com/Held","version":"v1.0.0"}\],"next":""}`, "", ""},
		{g, "GET /catalog?pagesize=1", `200 | Body: {"modules":\[{"module":"example.com/Held","version":"v1.0.0"}\],"next":"*"}`, "", ""},
		{g, "GET /catalog?pagesize=x", "500", "400", "`/catalog` with a wrong `pagesize`"},
		{g, "GET /catalog?pagesize=0", "200", "400", "`/catalog` with a wrong `pagesize`"},
		{filtered, "GET /catalog",
			`200 | Body: {"modules":\[{"module":"example.com/Held","version":"v1.0.0"},{"module":"example.com/pseudo","version":"v0.0.0-20260102030405-0123456789ab"}\],"next":""}`,
			`200 | Body: {"modules":\[{"module":"example.com/Held","version":"v1.0.0"}\],"next":""}`, "`/catalog` with a `FilterFile`"},
		{g, "GET /index", "200 | Body: empty", "", ""},
		{g, "GET /index?limit=0", "400", "", ""},
		{g, "GET /index?limit=x", "400", "", ""},
		{g, "GET /index?since=x", "400", "", ""},
		{indexing, "GET /index", `200 | Body: {"Path":"example.com/Held","Version":"v1.0.0","Timestamp":"20*Z"}` + "\n", "", ""},
		{indexing, "GET /index?since=2099-01-01T00:00:00Z", "200 | Body: empty", "", ""},
		{g, "GET /robots.txt", "404", "200", "`/robots.txt` without a file"},
		{own, "GET /robots.txt", "200 | Body: User-agent: \\*\nAllow: /\n", "", ""},
		{g, "GET /metrics", "200", "", ""},
		{g, "HEAD /metrics", "405", "200", "HEAD"},
		{g, "POST /example.com/!held/@v/v1.0.0.info", "405", "", ""},
		{g, "POST /example.com/!held/@latest", "405", "", ""},
		{g, "POST /example.com/!held/@v/list", "200", "405", method},
		{g, "GET /nothing", "404", "", ""},
	}
	for _, page := range []string{"/", "/healthz", "/readyz", "/version", "/catalog", "/index"} {
		rows = append(rows, surfaceRow{g, "POST " + page, "200", "405", method})
	}
	return rows
}

func fileRows(t *testing.T) []surfaceRow {
	up := newUpstream(t, append(listed, held)...)
	up.add(version{path: "example.com/unfetched", version: "v1.0.0"})
	g := start(t, options{upstream: up.URL, env: []string{"ATHENS_SUM_DBS="}})
	g.serves(held)
	g.rest()
	size := strconv.Itoa(len(held.file("zip")))
	const (
		types, times, head = "`Content-Type` of `.info`, `@latest` and `list`", "`Cache-Control`", "HEAD"
		upper, held        = "Upper case in a URL", "`Disable-Module-Fetch` and `/cached-only/`"
		parts, told, lists = "`ETag`, `Last-Modified`, `Range`", "The text of an error", "The order of `list`"
		m                  = "/example.com/!held"
		noCache            = "no-cache, no-store, must-revalidate"
	)
	return []surfaceRow{
		{g, "GET " + m + "/@v/v1.0.0.info", "200 | Content-Type: application/json; charset=utf-8", "200 | Content-Type: application/json", types},
		{g, "GET " + m + "/@v/v1.0.0.mod", "200 | Content-Type: text/plain; charset=utf-8 | Body: module example.com/Held\n\ngo 1.21\n", "", ""},
		{g, "GET " + m + "/@v/v1.0.0.zip", "200 | Content-Type: application/zip | Content-Length: " + size + " | Body: text", "", ""},
		{g, "HEAD " + m + "/@v/v1.0.0.zip", "200 | Content-Type: application/zip | Content-Length: " + size + " | Body: empty", "", ""},
		{g, "HEAD " + m + "/@v/v1.0.0.info", "405", "200", head},
		{g, "HEAD " + m + "/@v/v1.0.0.mod", "405", "200", head},
		{g, "HEAD " + m + "/@latest", "405", "200", head},
		{g, "GET " + m + "/@v/v1.0.0.mod", "200 | Cache-Control: none", "200 | Cache-Control: public, max-age=31536000, immutable", times},
		{g, "GET " + m + "/@v/v1.0.0.zip", "200 | Etag: none | Last-Modified: none", `200 | Etag: "*" | Last-Modified: *`, parts},
		{g, "GET " + m + "/@v/v1.0.0.zip Range: bytes=0-9", "200 | Content-Length: " + size, "206 | Content-Length: 10", parts},
		{g, "GET " + m + "/@v/list", "200 | Content-Type: application/json", "200 | Content-Type: text/plain; charset=utf-8", types},
		{g, "GET " + m + "/@v/list", "200 | Cache-Control: " + noCache, "200 | Cache-Control: public, max-age=*", times},
		{g, "GET /example.com/listed/@v/list", "200 | Body: v1.10.0\nv1.2.0", "200 | Body: v1.2.0\nv1.10.0\n", lists},
		{g, "GET " + m + "/@latest", "200 | Content-Type: text/plain*", "200 | Content-Type: application/json", types},
		{g, "GET " + m + "/@latest", "200 | Cache-Control: " + noCache, "200 | Cache-Control: public, max-age=*", times},
		{g, "GET /example.com/Held/@v/v1.0.0.info", "400", "404", upper},
		{g, "GET /example.com/Held/@v/list", "500", "404", upper},
		{g, "GET /example.com/Held/@latest", "500", "404", upper},
		{g, "GET /cached-only" + m + "/@v/v1.0.0.info", "404", "200", held},
		{g, "GET /example.com/unfetched/@v/v1.0.0.info Disable-Module-Fetch: true", "200", "404", held},
		{g, "GET /example.com/missing/@v/v1.0.0.info", "404 | Body: empty", "404 | Body: text", told},
		{g, "GET /example.com/missing/@v/v1.0.0.mod", "404 | Body: empty", "404 | Body: text", told},
		{g, "GET /example.com/missing/@v/v1.0.0.zip", "404 | Body: empty", "404 | Body: text", told},
		{g, "GET /example.com/missing/@latest", "404 | Body: empty", "404 | Body: text", told},
		{g, "GET /example.com/missing/@v/list", "404 | Body: text", "", ""},
	}
}

func sumDBRows(t *testing.T) []surfaceRow {
	db := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/sumdb/sum.example/") {
			http.NotFound(w, r)
			return
		}
		sum := strings.Repeat("A", 43) + "="
		fmt.Fprintf(w, "1\nexample.com/a v1.0.0 h1:%s\nexample.com/a v1.0.0/go.mod h1:%s\n\ngo.sum database tree\n2\n%s\n\n\u2014 sum.example %s\n", sum, sum, sum, sum)
	}))
	t.Cleanup(db.Close)
	g := start(t, options{upstream: db.URL, env: []string{"ATHENS_SUM_DBS=https://sum.example", "ATHENS_GONOSUM_PATTERNS=corp.example/*"}})
	return []surfaceRow{
		{g, "GET /sumdb/sum.example/supported", "200 | Body: empty", "", ""},
		{g, "POST /sumdb/sum.example/supported", "200", "405", "Methods other than GET and HEAD"},
		{g, "GET /sumdb/other.example/supported", "200", "404", "`/sumdb/NAME/supported` of other databases"},
		{g, "GET /sumdb/sum.example/lookup/example.com/a@v1.0.0", "200 | Body: text", "", ""},
		{g, "GET /sumdb/sum.example/lookup/corp.example/a@v1.0.0", "403", "", ""},
	}
}

func doorRows(t *testing.T) []surfaceRow {
	up := newUpstream(t, held)
	const info, basic = "/example.com/!held/@v/v1.0.0.info", " Authorization: Basic Y2k6c2VzYW1l" // ci:sesame
	auth := []string{"BASIC_AUTH_USER=ci", "BASIC_AUTH_PASS=sesame", "ATHENS_SUM_DBS="}
	g := start(t, options{upstream: up.URL, env: auth})
	below := start(t, options{upstream: up.URL, env: append(auth, "ATHENS_PATH_PREFIX=/athens")})
	tls := start(t, options{upstream: up.URL, env: []string{"PROXY_FORCE_SSL=true", "ATHENS_SUM_DBS="}})
	const health, unknown = "`/healthz` and `/readyz` with a `PathPrefix`", "Paths that are none, where a password is asked"
	return []surfaceRow{
		{g, "GET " + info, "401 | Www-Authenticate: Basic*", "", ""},
		{g, "GET " + info + " Authorization: Basic Y2k6bm8=", "401", "", ""},
		{g, "GET " + info + basic, "200", "", ""},
		{g, "GET /metrics", "401", "", ""},
		{g, "GET /metrics" + basic, "200", "", ""},
		{g, "GET /healthz", "200", "", ""},
		{g, "GET /readyz", "200", "", ""},
		{g, "GET /nothing", "404", "401", unknown},
		{below, "GET /", "200", "", ""},
		{below, "GET /athens" + info + basic, "200", "", ""},
		{below, "GET /athens" + info, "401", "", ""},
		{below, "GET " + info + basic, "404", "", ""},
		{below, "GET /metrics" + basic, "200", "", ""},
		{below, "GET /athens/healthz", "401", "200", health},
		{below, "GET /healthz", "404", "200", health},
		{below, "GET /readyz", "404", "200", health},
		{tls, "GET " + info, "301 | Location: " + strings.Replace(tls.url, "http:", "https:", 1) + info, "", ""},
		{tls, "GET /healthz", "301", "200", "`/healthz` and `/readyz` with `ForceSSL`"},
	}
}

func policyRows(t *testing.T) []surfaceRow {
	up := newUpstream(t, held)
	const info = "/example.com/!held/@v/v1.0.0.info"
	rule := rules(t, "-\n+ example.com/Held\nD example.com/direct\n")
	env := []string{"ATHENS_SUM_DBS=", "ATHENS_FILTER_FILE=" + rule, "ATHENS_GLOBAL_ENDPOINT=https://global.example"}
	filter := start(t, options{upstream: up.URL, env: env})
	below := start(t, options{upstream: up.URL, env: append(env, "ATHENS_PATH_PREFIX=/athens")})
	answer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(filepath.Base(r.URL.Path))
		w.WriteHeader(status)
	}))
	t.Cleanup(answer.Close)
	hook := func(status int) *gateway {
		return start(t, options{upstream: up.URL, env: []string{"ATHENS_SUM_DBS=", fmt.Sprintf("ATHENS_PROXY_VALIDATOR=%s/%d", answer.URL, status)}})
	}
	yes, no, broken := hook(200), hook(403), hook(500)
	return []surfaceRow{
		{filter, "GET " + info, "200", "", ""},
		{filter, "GET /example.com/other/@v/v1.0.0.info", "403", "", ""},
		{filter, "GET /example.com/other/@v/list", "403", "", ""},
		{filter, "GET /example.com/other/@latest", "403", "", ""},
		{filter, "GET /example.com/direct/@v/v1.0.0.zip", "303 | Location: https://global.example/example.com/direct/@v/v1.0.0.zip", "", ""},
		{below, "GET /athens/example.com/direct/@v/v1.0.0.zip", "303 | Location: https://global.example/athens/example.com/direct/@v/v1.0.0.zip",
			"303 | Location: https://global.example/example.com/direct/@v/v1.0.0.zip", "`D` in `FilterFile` with a `PathPrefix`"},
		{yes, "GET " + info, "200", "", ""},
		{no, "GET " + info, "403", "", ""},
		{no, "GET /example.com/!held/@v/list", "200", "", ""}, // which has no version
		{broken, "GET " + info, "500", "502", "A `ValidatorHook` that fails"},
	}
}
