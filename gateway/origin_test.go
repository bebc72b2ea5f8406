package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// An origin is an upstream proxy on a socket, which remembers what it was
// asked.
type origin struct {
	*httptest.Server

	mu    sync.Mutex // guards all below
	asked []string   // paths, decoded
	pages map[string]http.HandlerFunc
	trees map[string]http.Handler // by what paths begin with
}

// newOrigin returns an origin that has hot.
func newOrigin(t *testing.T) *origin {
	o := &origin{pages: make(map[string]http.HandlerFunc), trees: make(map[string]http.Handler)}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	o.add(hot)
	o.set("/example.com/hot/@v/list", speak(200, "v1.0.0\n"))
	o.set("/example.com/hot/@latest", speak(200, string(hotFiles.Info)))
	o.set("/example.com/hot/@v/main.info", speak(200, string(hotFiles.Info)))
	return o
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.asked = append(o.asked, r.URL.Path)
	page := o.pages[r.URL.Path]
	for prefix, tree := range o.trees {
		if page == nil && strings.HasPrefix(r.URL.Path, prefix) {
			page = tree.ServeHTTP
		}
	}
	o.mu.Unlock()
	if page == nil {
		page = speak(404, "the origin lacks "+r.URL.Path)
	}
	page(w, r)
}

// set makes the origin answer path with page.
func (o *origin) set(path string, page http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pages[path] = page
}

// below makes the origin answer all paths that begin with prefix, and have no
// page of their own, with tree.
func (o *origin) below(prefix string, tree http.Handler) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.trees[prefix] = tree
}

// add gives the origin the files of v, and returns them.
func (o *origin) add(v module.Version) tiers.Files {
	files := tierstest.Version(v, "a")
	for _, kind := range tierstest.Kinds {
		o.set(filePath(v, kind), speak(200, string(tierstest.Bytes(files, kind))))
	}
	return files
}

// filePath returns the path of a file of v, as the protocol escapes it.
func filePath(v module.Version, kind tiers.Kind) string {
	p, err := module.EscapePath(v.Path)
	if err != nil {
		panic(err)
	}
	version, err := module.EscapeVersion(v.Version)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("/%s/@v/%s.%s", p, version, kind)
}

// requests returns what the origin was asked so far.
func (o *origin) requests() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.asked)
}

// count returns how often the origin was asked for path.
func (o *origin) count(path string) (n int) {
	for _, p := range o.requests() {
		if p == path {
			n++
		}
	}
	return n
}

// speak answers with a text.
func speak(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}
}

// speakInParts answers with the first half of a text, and with the rest once it
// is let go on, which the end of the test does at the latest.
func speakInParts(t *testing.T, text string) (page http.HandlerFunc, goOn func()) {
	rest := make(chan struct{})
	goOn = sync.OnceFunc(func() { close(rest) })
	t.Cleanup(goOn)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		fmt.Fprint(w, text[:len(text)/2])
		w.(http.Flusher).Flush()
		select {
		case <-rest:
			fmt.Fprint(w, text[len(text)/2:])
		case <-r.Context().Done():
		}
	}, goOn
}

// cut answers with the first bytes of a text and then breaks the connection.
func cut(text string, n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		fmt.Fprint(w, text[:n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}
