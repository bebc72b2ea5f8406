package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"sync"
	"testing"
	"time"
)

// An upstream is a module proxy with made-up modules, which does with a request
// what the test says, and else answers it. It has no @latest, as some have none.
type upstream struct {
	*httptest.Server
	plain bool   // no Range, no ETag and no dates
	sent  func() // called for each piece of a body before it leaves; may be nil

	mu    sync.Mutex // guards all below
	files map[string]func() []byte
	steps map[string][]step
	asked map[string][]http.Header
}

// A step is what happens to one request instead of an answer with body.
type step func(w http.ResponseWriter, r *http.Request, body []byte)

func newUpstream(t testing.TB, vs ...version) *upstream {
	u := &upstream{
		files: make(map[string]func() []byte),
		steps: make(map[string][]step),
		asked: make(map[string][]http.Header),
	}
	u.Server = httptest.NewServer(u)
	t.Cleanup(u.Close)
	u.add(vs...)
	return u
}

// add takes versions up.
func (u *upstream) add(vs ...version) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, v := range vs {
		for _, kind := range kinds {
			u.files[v.url(kind)] = func() []byte { return v.file(kind) }
		}
		list := path.Dir(v.url("mod")) + "/list"
		var before []byte
		if f := u.files[list]; f != nil {
			before = f()
		}
		after := append(before, v.version+"\n"...)
		u.files[list] = func() []byte { return bytes.Clone(after) }
	}
}

// next says what happens to the next requests for a path, one step each.
func (u *upstream) next(path string, steps ...step) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.steps[path] = append(u.steps[path], steps...)
}

// requests returns the headers of the requests for a path so far.
func (u *upstream) requests(path string) []http.Header {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.asked[path]
}

// total returns how many requests there were.
func (u *upstream) total() (n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, hs := range u.asked {
		n += len(hs)
	}
	return n
}

// cut takes the upstream off the network for good.
func (u *upstream) cut() {
	u.Listener.Close()
	u.CloseClientConnections()
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.asked[r.URL.Path] = append(u.asked[r.URL.Path], r.Header)
	file, ok := u.files[r.URL.Path]
	do := u.answer
	if steps := u.steps[r.URL.Path]; len(steps) > 0 {
		do, u.steps[r.URL.Path] = steps[0], steps[1:]
	}
	u.mu.Unlock()
	if !ok {
		http.Error(w, "the upstream knows nothing of "+r.URL.Path, http.StatusNotFound)
		return
	}
	body := file()
	if u.sent != nil {
		w = pieces{w, u.sent}
	}
	if !u.plain {
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sumOf(body)))
		w.Header().Set("Last-Modified", changed.Format(http.TimeFormat))
	}
	do(w, r, body)
}

// pieces splits a body into writes.
type pieces struct {
	http.ResponseWriter
	sent func()
}

func (p pieces) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		p.sent()
		var wrote int
		wrote, err = p.ResponseWriter.Write(b[:min(len(b), 32<<10)])
		b = b[wrote:]
		n += wrote
	}
	return n, err
}

func (p pieces) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (u *upstream) answer(w http.ResponseWriter, r *http.Request, body []byte) {
	if u.plain {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
		return
	}
	http.ServeContent(w, r, "", changed, bytes.NewReader(body))
}

var changed = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// begin sends a head that promises body, and its first n bytes.
func begin(w http.ResponseWriter, body []byte, n int) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body[:n])
	http.NewResponseController(w).Flush()
}

// breakAt resets the connection after that part of the body.
func breakAt(part float64) step {
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		begin(w, body, int(part*float64(len(body))))
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err) // it is HTTP/1.1
		}
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
}

// released waits for release, or for who asks to leave.
func released(ctx context.Context, release <-chan struct{}) bool {
	select {
	case <-release:
		return true
	case <-ctx.Done():
		return false
	}
}

// holdLast keeps the last n bytes back until release is closed.
func holdLast(n int, release <-chan struct{}) step {
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		begin(w, body, len(body)-n)
		if released(r.Context(), release) {
			w.Write(body[len(body)-n:])
		}
	}
}

// hang says nothing until release is closed.
func (u *upstream) hang(release <-chan struct{}) step {
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		if released(r.Context(), release) {
			u.answer(w, r, body)
		}
	}
}

// over sends the body evenly over a time, a hundredth at once.
func over(d time.Duration) step {
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		const parts = 100
		from := time.Now()
		begin(w, body, 0)
		for i := range parts {
			w.Write(body[i*len(body)/parts : (i+1)*len(body)/parts])
			http.NewResponseController(w).Flush()
			select {
			case <-time.After(time.Until(from.Add(d * time.Duration(i+1) / parts))):
			case <-r.Context().Done():
				return
			}
		}
	}
}
