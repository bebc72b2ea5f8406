package tiers_test

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"

	"github.com/modtier/modtier/tiers"
)

// A database is a real checksum database, and what stands before it.
type database struct {
	name, key string // name, and name+hash+key
	records   *sumdb.TestServer
	server    *httptest.Server

	mu     sync.Mutex // guards all below
	asked  []string
	tamper func(path string, b []byte) (int, []byte) // of what it answers; nil is nothing
}

const databaseName = "sums.example.com/db"

// newDatabase makes a database that has what lines says. What lines has an error
// for it does not know.
func newDatabase(t *testing.T, lines func(module.Version) (string, error)) *database {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, databaseName)
	if err != nil {
		t.Fatal(err)
	}
	d := &database{name: databaseName, key: public}
	d.records = newRecords(private, lines)
	h := sumdb.NewServer(d.records)
	d.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/")
		d.mu.Lock()
		d.asked = append(d.asked, path)
		tamper := d.tamper
		d.mu.Unlock()
		code, b := record(h, path)
		if tamper != nil {
			if c, changed := tamper(path, b); c != 0 {
				code, b = c, changed
			}
		}
		w.WriteHeader(code)
		w.Write(b)
	}))
	t.Cleanup(d.server.Close)
	return d
}

func newRecords(private string, lines func(module.Version) (string, error)) *sumdb.TestServer {
	return sumdb.NewTestServer(private, func(path, version string) ([]byte, error) {
		s, err := lines(module.Version{Path: path, Version: version})
		return []byte(s), err
	})
}

// read asks as an upstream does.
func (d *database) read(ctx context.Context, name, path string) ([]byte, error) {
	if name != d.name {
		return nil, &tiers.AbsentError{}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.server.URL+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := d.server.Client().Do(req)
	if err != nil {
		return nil, &tiers.UpstreamError{Upstream: name, Err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return nil, &tiers.UpstreamError{Upstream: name, Err: err}
	case resp.StatusCode == 404 || resp.StatusCode == 410:
		return nil, &tiers.AbsentError{Gone: resp.StatusCode == 410, Text: strings.TrimSpace(string(b))}
	case resp.StatusCode != 200:
		return nil, &tiers.UpstreamError{Upstream: name, Status: resp.StatusCode}
	}
	return b, nil
}

func (d *database) answers(tamper func(path string, b []byte) (int, []byte)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tamper = tamper
}

// wasAsked returns what it was asked since the last call.
func (d *database) wasAsked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked := d.asked
	d.asked = nil
	return asked
}

// record returns what h answers for path.
func record(h http.Handler, path string) (code int, b []byte) {
	defer func() {
		if recover() != nil { // a tile that is not full yet; a real one says so
			code = 404
		}
	}()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/"+path, nil))
	return w.Code, w.Body.Bytes()
}
