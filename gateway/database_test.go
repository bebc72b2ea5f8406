package gateway_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
)

// A database is a real checksum database, behind an origin.
type database struct {
	name, key string // key is the verifier's
	handler   http.Handler

	mu    sync.Mutex // guards asked
	asked []string   // paths
}

// newDatabase makes an origin answer for a database, which has a record for
// every module.
func newDatabase(t *testing.T, o *origin, name string) *database {
	t.Helper()
	signer, verifier, err := note.GenerateKey(bytes.NewReader(make([]byte, 1000)), name)
	if err != nil {
		t.Fatal(err)
	}
	ops := sumdb.NewTestServer(signer, func(path, version string) ([]byte, error) {
		if path == "example.com/unknown" {
			return nil, fs.ErrNotExist
		}
		return fmt.Appendf(nil, "%s %s h1:AAAA=\n%s %s/go.mod h1:BBBB=\n", path, version, path, version), nil
	})
	db := &database{name: name, key: verifier, handler: sumdb.NewServer(ops)}
	o.set("/sumdb/"+name+"/supported", speak(200, ""))
	o.below("/sumdb/"+name+"/", http.StripPrefix("/sumdb/"+name, db))
	return db
}

func (db *database) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	db.mu.Lock()
	db.asked = append(db.asked, r.URL.Path)
	db.mu.Unlock()
	db.handler.ServeHTTP(w, r)
}

// count returns how often db was asked.
func (db *database) count() int {
	db.mu.Lock()
	defer db.mu.Unlock()
	return len(db.asked)
}

// A goCommand is what the go command is to a checksum database: it asks
// through a proxy, verifies, and at first remembers nothing.
type goCommand struct {
	t     *testing.T
	proxy string
	db    *database

	mu     sync.Mutex // guards config
	config map[string][]byte
}

func (c *goCommand) ReadRemote(path string) ([]byte, error) {
	resp, err := http.Get(c.proxy + "/sumdb/" + c.db.name + path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	b.ReadFrom(resp.Body)
	if resp.StatusCode != 200 {
		return nil, fmt.Errorf("%s: %s: %s", path, resp.Status, b.String())
	}
	return b.Bytes(), nil
}

func (c *goCommand) ReadConfig(file string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if file == "key" {
		return []byte(c.db.key), nil
	}
	return c.config[file], nil
}

func (c *goCommand) WriteConfig(file string, old, b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !bytes.Equal(c.config[file], old) {
		return sumdb.ErrWriteConflict
	}
	c.config[file] = b
	return nil
}

func (c *goCommand) ReadCache(string) ([]byte, error) { return nil, fs.ErrNotExist }
func (c *goCommand) WriteCache(string, []byte)        {}
func (c *goCommand) Log(msg string)                   { c.t.Log(msg) }
func (c *goCommand) SecurityError(msg string)         { c.t.Error(msg) }

// build looks up n modules, as a build that needs them does.
func build(t *testing.T, s *site, db *database, n int) {
	t.Helper()
	ops := &goCommand{t: t, proxy: s.URL + s.gateway.Prefix, db: db, config: make(map[string][]byte)}
	client := sumdb.NewClient(ops)
	client.SetTileHeight(2) // so that a small tree has many tiles
	for i := range n {
		path := fmt.Sprintf("example.com/Upper/m%d", i)
		lines, err := client.Lookup(path, "v1.0.0")
		if want := path + " v1.0.0 h1:AAAA="; err != nil || len(lines) != 1 || lines[0] != want {
			t.Fatalf("lookup %s: got %q, error %v, want %q", path, lines, err, want)
		}
	}
}
