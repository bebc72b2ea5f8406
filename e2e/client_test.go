package e2e

import (
	"context"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// get asks for a path and reads all of the answer.
func (g *gateway) get(path string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", g.url+path, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := g.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// serves checks that the gateway answers with the right files of v, all of them
// if no kind is given.
func (g *gateway) serves(v version, which ...string) {
	g.t.Helper()
	if len(which) == 0 {
		which = kinds
	}
	for _, kind := range which {
		d, err := g.begin(v.url(kind))
		if err == nil {
			err = d.finish()
		}
		if err == nil {
			err = d.is(v.file(kind))
		}
		if err != nil {
			g.t.Error(err)
		}
	}
}

// A download is a response of which the first byte has come.
type download struct {
	path   string
	resp   *http.Response
	cancel context.CancelFunc
	sum    hash.Hash32 // of what was read
	n      int64       // bytes read
}

// begin asks for a path and returns when the first byte of a good answer is in.
func (g *gateway) begin(path string) (*download, error) { return beginOver(g.client, g.url, path) }

func beginOver(client *http.Client, url, path string) (*download, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	req, err := http.NewRequestWithContext(ctx, "GET", url+path, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	d := &download{path: path, resp: resp, cancel: cancel, sum: crc32.New(castagnoli)}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		d.hangUp()
		return nil, &statusError{path, resp.StatusCode, string(text)}
	}
	if err := d.read(io.LimitReader(resp.Body, 1)); err != nil {
		d.hangUp()
		return nil, err
	}
	return d, nil
}

func (d *download) read(r io.Reader) error {
	n, err := io.Copy(d.sum, r)
	d.n += n
	if err != nil {
		return fmt.Errorf("%s: after %d bytes: %w", d.path, d.n, err)
	}
	return nil
}

// A statusError is an answer other than 200.
type statusError struct {
	path string
	code int
	text string
}

func (e *statusError) Error() string { return fmt.Sprintf("%s: status %d: %s", e.path, e.code, e.text) }

// finish reads what is left.
func (d *download) finish() error {
	defer d.hangUp()
	if err := d.read(d.resp.Body); err != nil {
		return err
	}
	if want := d.resp.ContentLength; want >= 0 && d.n != want {
		return fmt.Errorf("%s: got %d bytes, want %d as promised", d.path, d.n, want)
	}
	return nil
}

// hangUp leaves.
func (d *download) hangUp() {
	d.cancel()
	d.resp.Body.Close()
}

// is returns an error if a finished download is not of want.
func (d *download) is(want []byte) error {
	if got := d.sum.Sum32(); d.n != int64(len(want)) || got != sumOf(want) {
		return fmt.Errorf("%s: got %d bytes with sum %x, want %d bytes with sum %x", d.path, d.n, got, len(want), sumOf(want))
	}
	return nil
}

// sumOf tells one made-up file from another, and a whole one from a torn one.
// Nobody here forges files, and a better sum would cost more than all that is
// measured.
func sumOf(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// narrow returns a client whose connection holds little that it has not read.
func narrow() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				err = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
			}
			return conn, err
		},
	}}
}

// untorn checks that each file in the tree is one of vs, and whole.
func untorn(t testing.TB, dir string, vs []version) {
	t.Helper()
	files := make(map[string]func() []byte)
	for _, v := range vs {
		for _, kind := range kinds {
			files[v.name(kind)] = func() []byte { return v.file(kind) }
		}
	}
	for _, name := range kept(t, dir) {
		want, ok := files[name]
		if !ok {
			t.Errorf("in the tree: %s is no file that was served", name)
			continue
		}
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Error(err)
		} else if string(got) != string(want()) {
			t.Errorf("in the tree: %s: got %d bytes, want %d other ones", name, len(got), len(want()))
		}
	}
}
