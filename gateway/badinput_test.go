package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
)

// traps are paths that name no module file, with what they are refused for.
var traps = []struct{ path, why string }{
	{"/../../etc/passwd", "no /@v/"},
	{"/example.com/../hot/@v/v1.0.0.mod", "bad path"},
	{"/example.com/./hot/@v/v1.0.0.mod", "bad path"},
	{"/../example.com/hot/@v/v1.0.0.mod", "bad path"},
	{"/%2e%2e/example.com/hot/@v/v1.0.0.mod", "bad path"},
	{"/example.com/%2e%2e/@v/v1.0.0.mod", "bad path"},
	{"/example.com/%2E%2E/%2E%2E/@v/list", "bad path"},
	{"/example.com%2fhot/@v/v1.0.0.mod", "encoded slash"},
	{"/example.com%2Fhot/@v/v1.0.0.mod", "encoded slash"},
	{"/example.com/hot/@v%2fv1.0.0.mod", "encoded slash"},
	{"/cached-only%2fexample.com/hot/@v/v1.0.0.mod", "encoded slash"},
	{"/cached-only/../@v/list", "bad path"},
	{"/cached-only/cached-only/example.com/hot/@v/list", "bad path"},
	{"/example.com/hot%00/@v/v1.0.0.mod", "invalid char"},
	{"/example.com/hot/@v/v1.0.0%00.mod", "invalid escaped"},
	{"/example.com/hot/@v/%00.info", "invalid escaped"},
	{"/example.com/hot%0a/@v/list", "invalid char"},
	{"/example.com/hot%5c..%5c/@v/list", "invalid char"},
	{"/example.com/%68%6ft%20/@v/list", "invalid char"},
	{"/example.com/h%C3%B6t/@v/list", "invalid escaped"},
	{"/example.com/%ff/@v/list", "invalid escaped"},
	{"//example.com/hot/@v/list", "bad path"},
	{"/example.com//hot/@v/list", "bad path"},
	{"/example.com/hot//@v/list", "bad path"},
	{"/example.com/hot/@v//v1.0.0.mod", "invalid escaped"},
	{"/example.com/Hot/@v/v1.0.0.mod", "invalid escaped"},
	{"/example.com/!Hot/@v/v1.0.0.mod", "invalid escaped"},
	{"/example.com/!!hot/@v/v1.0.0.mod", "invalid escaped"},
	{"/example.com/hot!/@v/v1.0.0.mod", "invalid escaped"},
	{"/example.com/!1/@v/v1.0.0.mod", "invalid escaped"},
	{"/example.com/hot/@v/v1.0.0-RC1.mod", "invalid escaped"},
	{"/example.com/hot/@v/v1.0.0-!.mod", "invalid escaped"},
	{"/example.com/hot/@v/feature/x.info", "invalid escaped"},
	{"/example.com/hot/@v/../../x.info", "invalid escaped"},
	{"/example.com/hot/@v/...info", "invalid escaped"},
	{"/example.com/hot/@v/.info", "invalid escaped"},
	{"/example.com/hot/@v/v1.mod", "not a canonical version"},
	{"/example.com/hot/@v/main.zip", "not a canonical version"},
	{"/example.com/hot/@v/v2.0.0.mod", "not a canonical version"},
	{"/example.com/hot/@v/v1.0.0+meta.zip", "not a canonical version"},
	{"/example.com/hot/v2/@v/v1.0.0.mod", "not a canonical version"},
	{"/example.com/hot/@v/v1.0.0", ".info, .mod and .zip"},
	{"/example.com/hot/@v/v1.0.0.exe", ".info, .mod and .zip"},
	{"/example.com/hot/@v/v1.0.0.zip.", ".info, .mod and .zip"},
	{"/example.com/hot/@v/", "no such request"},
	{"/example.com/hot/@v/list/", "no such request"},
	{"/example.com/hot/@latest/x", "no such request"},
	{"/example.com/hot/@x", "no such request"},
	{"/example.com/hot/@%1b[2J", `no such request: "@\x1b[2J"`},
	{"/example.com/hot/@v/v1.0.0.%1b[2J", `not ".\x1b[2J"`},
	{"/example.com/hot", "no /@v/"},
	{"/@v/list", "bad path"},
	{"/@latest", "bad path"},
	{"/nodot/@v/list", "missing dot"},
	{"/example.com/con/@v/list", "disallowed"},
	{"/example.com/a~1/@v/list", "tilde"},
	{"/.example.com/a/@v/list", "leading dot"},
	{"/sumdb/sum.example.com/../../x", "bad path"},
	{"/sumdb/sum.example.com/lookup/..%2f..%2fx@v1.0.0", "encoded slash"},
	{"/sumdb/sum.example.com/lookup/../x@v1.0.0", "bad path"},
	{"/sumdb/sum.example.com/lookup/example.com/Hot@v1.0.0", "bad path"},
	{"/sumdb/sum.example.com/lookup/example.com/hot@main", "not a canonical version"},
	{"/sumdb/sum.example.com/lookup/example.com/hot", "bad path"},
	{"/sumdb/sum.example.com/tile/8/0/../x", "bad path"},
	{"/sumdb/sum.example.com/tile/8/0/x001", "bad path"},
	{"/sumdb/sum.example.com/tile/99/0/000", "bad path"},
	{"/sumdb/sum.example.com/tile/8/0/000.p/256", "bad path"},
	{"/sumdb/sum.example.com/anything", "bad path"},
	{"/sumdb/sum.example.com", "does not serve"},
	{"/sumdb/other.example.com/latest", "does not serve"},
	{"/sumdb/../latest", "does not serve"},
}

// untouched checks that what a test does reaches neither the origin nor the
// disk.
func untouched(t *testing.T, s *site, do func()) {
	t.Helper()
	before := tree(t, s.dir)
	do()
	s.settle(t)
	if got := s.origin.requests(); len(got) > 0 {
		t.Errorf("the origin was asked for %q", got)
	}
	if after := tree(t, s.dir); !maps.Equal(before, after) {
		t.Errorf("on disk is %v, before it was %v", after, before)
	}
}

// tree returns all files and directories below dir with their sizes.
func tree(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	files := make(map[string]int64)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		files[name] = info.Size()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestBadPathsAreRefusedWithTheReason(t *testing.T) {
	s := newSite(t)
	untouched(t, s, func() {
		for _, trap := range traps {
			t.Run(trap.path, func(t *testing.T) {
				s.get(t, trap.path).is(t, 404).tells(t, trap.why).has(t, "Cache-Control", "no-store")
				s.get(t, trap.path, "Disable-Module-Fetch", "true").is(t, 404).tells(t, trap.why)
				s.ask(t, "HEAD", trap.path).is(t, 404)
			})
		}
	})
}

func TestOverLongPathsAreRefused(t *testing.T) {
	s := newSite(t)
	untouched(t, s, func() {
		s.get(t, "/example.com/"+strings.Repeat("a/", 5000)+"@v/list").is(t, 414).tells(t, "longer than any module's")
		s.get(t, "/example.com/hot/@v/"+strings.Repeat("a", 5000)+".info").is(t, 414).tells(t, "longer than any module's")
		s.get(t, "/example.com/"+strings.Repeat("a/", 480)+"a/@v/v1.0.0.zip").is(t, 404).tells(t, "longer than a store can hold")
		s.get(t, "/example.com/hot/@v/v1.0.0-"+strings.Repeat("a", 480)+".info").is(t, 404).tells(t, "longer than a store can hold")
		s.get(t, "/example.com/"+strings.Repeat("a/", 250)+"a/@v/v1.0.0.zip").is(t, 404).tells(t, "longer than a store can hold")
		s.get(t, "/example.com/"+strings.Repeat("a", 251)+"/@v/v1.0.0.zip").is(t, 404).tells(t, "longer than a store can hold")
		s.get(t, "/example.com/hot/@v/v1.0.0-"+strings.Repeat("a", 251)+".info").is(t, 404).tells(t, "longer than a store can hold")
		s.get(t, strings.Repeat("/", 5000)).is(t, 414).tells(t, "longer than any module's")
	})
}

func TestRequestsThatAreNoGETAreRefused(t *testing.T) {
	for _, test := range []struct {
		name, request string
		status        int
		why           string
	}{
		{"CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 405, "only GET and HEAD"},
		{"a made up method", "BREW " + hotMod + " HTTP/1.1\r\nHost: modtier\r\n\r\n", 405, "only GET and HEAD"},
		{"POST with a body", "POST " + hotMod + " HTTP/1.1\r\nHost: modtier\r\nContent-Length: 4\r\n\r\nbody", 405, "only GET and HEAD"},
		{"GET with a body", "GET " + hotMod + " HTTP/1.1\r\nHost: modtier\r\nContent-Length: 4\r\n\r\nbody", 400, "no body"},
		{"GET with a body in chunks", "GET " + hotMod + " HTTP/1.1\r\nHost: modtier\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", 400, "no body"},
		{"GET with a body that does not come", "GET " + hotMod + " HTTP/1.1\r\nHost: modtier\r\nContent-Length: 400\r\n\r\n", 400, "no body"},
		{"GET of *", "GET * HTTP/1.1\r\nHost: modtier\r\n\r\n", 404, "no such path"},
		{"not HTTP", "\x16\x03\x01\x02\r\n\r\n", 400, "400 Bad Request"},
		{"a path in raw bytes", "GET /example.com/\x00/@v/list HTTP/1.1\r\nHost: modtier\r\n\r\n", 400, "400 Bad Request"},
		{"no host", "GET " + hotMod + " HTTP/1.1\r\n\r\n", 400, "400 Bad Request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			untouched(t, s, func() {
				conn, err := net.Dial("tcp", s.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				fmt.Fprint(conn, test.request)
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				if resp.StatusCode != test.status || err != nil || !strings.Contains(string(b), test.why) {
					t.Errorf("got status %d, %q, error %v; want %d, %q", resp.StatusCode, b, err, test.status, test.why)
				}
			})
		})
	}
}
