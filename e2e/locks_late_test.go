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
	came    chan int      // the store's answers to them
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
	out := req.Clone(context.WithoutCancel(req.Context())) // with its host, as that is signed
	out.RequestURI, out.URL.Scheme, out.URL.Host = "", "http", r.target
	out.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) == 0 {
		out.Body = http.NoBody
	}
	resp, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	if late {
		r.came <- resp.StatusCode
	}
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body)
}
