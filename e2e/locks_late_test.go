package e2e

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// A lateRoad leads a gateway to a store of S3. It takes zips that are written there
// and keeps them back; when they are released they arrive, whatever became of the
// one who sent them.
type lateRoad struct {
	t       testing.TB
	addr    string        // for the gateway, host:port
	target  string        // the store's
	held    atomic.Int64  // zips that it took
	release chan struct{} // close it to have them arrive
	came    chan int      // the store's answers to them, 0 for none
}

func newLateRoad(t testing.TB, target string) *lateRoad {
	r := &lateRoad{t: t, target: target, release: make(chan struct{}), came: make(chan int, 100)}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.addr = server.Listener.Addr().String()
	return r
}

func (r *lateRoad) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the gateway has thought better of it
	}
	late := req.Method == "PUT" && strings.HasSuffix(req.URL.Path, ".zip")
	if late {
		r.held.Add(1)
		select {
		case <-r.release:
		case <-r.t.Context().Done():
			return
		}
	}
	resp, err := r.forward(req, body)
	if late {
		status := 0
		if err == nil {
			status = resp.StatusCode
		}
		r.came <- status
	}
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body)
}

// forward asks the store in place of the gateway, whether that is still there or
// not. A store that refuses a body may hang up before it has read it, and what is
// sent meanwhile can hide the answer; so the store is asked again.
func (r *lateRoad) forward(req *http.Request, body []byte) (resp *http.Response, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), patience)
	context.AfterFunc(r.t.Context(), cancel)
	for range 5 {
		out := req.Clone(ctx) // with its host, as that is signed
		out.RequestURI, out.URL.Scheme, out.URL.Host = "", "http", r.target
		out.Body = io.NopCloser(bytes.NewReader(body))
		if len(body) == 0 {
			out.Body = http.NoBody
		}
		if resp, err = http.DefaultTransport.RoundTrip(out); err == nil {
			return resp, nil
		}
	}
	r.t.Logf("%s %s: %v", req.Method, req.URL.Path, err)
	return nil, err
}
