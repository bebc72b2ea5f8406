package bucket_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"
)

// comparing stands before an emulator of Google's and does what that leaves out: it
// removes an object only if that has the generation that the request names.
func comparing(t testing.TB, addr string) string {
	t.Helper()
	var mu sync.Mutex // held while something changes
	forward := forwarding(addr)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			mu.Lock()
			defer mu.Unlock()
		}
		if want := r.URL.Query().Get("ifGenerationMatch"); r.Method == http.MethodDelete && want != "" {
			resp, err := http.Get("http://" + addr + r.URL.EscapedPath())
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			var o struct{ Generation string }
			if err := json.NewDecoder(resp.Body).Decode(&o); resp.StatusCode == http.StatusOK && (err != nil || o.Generation != want) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusPreconditionFailed)
				w.Write([]byte(`{"error":{"code":412,"message":"the generation is another","errors":[{"reason":"conditionNotMet"}]}}`))
				return
			}
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func forwarding(addr string) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: addr}) },
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

// limited stands before a service like Google's and does what an emulator leaves out: it
// takes one change a second of the same object.
func limited(t testing.TB, addr string) string {
	t.Helper()
	var mu sync.Mutex // guards changed
	changed := make(map[string]time.Time)
	forward := forwarding(addr)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			forward.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		object := r.URL.Query().Get("name") // of an upload
		if object == "" {
			object, _ = url.PathUnescape(path.Base(r.URL.EscapedPath()))
		}
		mu.Lock()
		defer mu.Unlock()
		if time.Since(changed[object]) < time.Second {
			w.WriteHeader(http.StatusTooManyRequests)
			w.Write([]byte(`{"error":{"code":429,"message":"The object exceeded the rate limit for object mutation operations","errors":[{"reason":"rateLimitExceeded"}]}}`))
			return
		}
		answer := httptest.NewRecorder()
		forward.ServeHTTP(answer, r)
		if answer.Code < 300 {
			changed[object] = time.Now()
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}
