package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestAPathPrefixWithTheGoCommand has all that the go command asks for below a path:
// files, lists, branches and the checksum database.
func TestAPathPrefixWithTheGoCommand(t *testing.T) {
	t.Parallel()
	up := newUpstream(t, wanted)
	db := newChecksumDatabase(t, wanted)
	g := start(t, options{upstream: up.URL, env: []string{"ATHENS_PATH_PREFIX=/team/go", "ATHENS_SUM_DBS=" + db.key + " " + db.URL}})
	t.Run("with it all is served, and the database vouches for it", func(t *testing.T) {
		c := newGo(t, g.url+"/team/go", "")
		c.env = append(c.env, "GONOSUMDB=", "GOSUMDB="+db.key)
		if got := c.download(query(wanted)); got != wanted.version {
			t.Errorf("got %s", got)
		}
		c.run("get", wanted.path+"@latest")
		if got := c.run("list", "-m", "-versions", wanted.path); got != wanted.path+" v1.0.0\n" {
			t.Errorf("the versions are %q", got)
		}
		if n := len(up.requests(wanted.url("zip"))); n != 1 {
			t.Errorf("the upstream was asked %d times for the zip, want once, without the prefix", n)
		}
	})
	t.Run("without it there is nothing, and the go command is told what a path looks like", func(t *testing.T) {
		for _, proxy := range []string{g.url, g.url + "/team", g.url + "/team/gone"} {
			_, err := newGo(t, proxy, "").try("mod", "download", query(wanted))
			says(t, err, "404 Not Found\n\tserver response: no such path: ")
		}
		next := newUpstream(t, wanted)
		if got := newGo(t, g.url+","+next.URL, "").download(query(wanted)); got != wanted.version {
			t.Errorf("with a next proxy: got %s", got)
		}
	})
	t.Run("health is at both", func(t *testing.T) {
		for _, path := range []string{"/healthz", "/readyz", "/team/go/healthz", "/team/go/readyz"} {
			if status, _, err := g.get(path); err != nil || status != http.StatusOK {
				t.Errorf("%s: got status %d, %v", path, status, err)
			}
		}
	})
	t.Run("the go command is told an address with it", func(t *testing.T) {
		line, ok := g.log.await("to use it", g.exited)
		if !ok || !strings.HasSuffix(line["run"].(string), "/team/go") {
			t.Errorf("got %v", line)
		}
	})
}
