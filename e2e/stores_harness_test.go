package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fromMake returns the value of a variable that names a real server or its program,
// and that make test sets. Without it the test is skipped by name, or fails if
// MODTIER_E2E=require.
func fromMake(t testing.TB, variable string) string {
	t.Helper()
	if s := os.Getenv(variable); s != "" {
		return s
	}
	if os.Getenv("MODTIER_E2E") == "require" {
		t.Fatalf("%s is not set, and MODTIER_E2E=require allows no skip", variable)
	}
	if name := os.Getenv("MODTIER_TEST_SKIPS"); name != "" {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := fmt.Fprintf(f, "%s: %s is not set\n", t.Name(), variable); err != nil {
			t.Fatal(err)
		}
	}
	t.Skipf("%s is not set: make test starts the servers and sets it", variable)
	return ""
}

// vacant returns an address of this machine where nobody listens.
func vacant(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

const s3Key, s3Secret, s3Bucket = "testaccess", "testsecret123", "modules"

// An s3Server is a versitygw with one bucket, of which each object is a file. So a
// test sees what is stored without anybody's help.
type s3Server struct {
	t      testing.TB
	addr   string // host:port
	dir    string // of the bucket
	cmd    *exec.Cmd
	exited chan struct{}
}

// newS3Server starts one, which ends with the test.
func newS3Server(t testing.TB) *s3Server {
	t.Helper()
	fromMake(t, "MODTIER_TEST_VERSITYGW_BIN")
	s := &s3Server{t: t, addr: vacant(t), dir: filepath.Join(t.TempDir(), "store", s3Bucket)}
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	s.start()
	t.Cleanup(s.stop)
	return s
}

// start starts the server, anew if it was stopped: it has the same address then,
// and the same content.
func (s *s3Server) start() {
	s.t.Helper()
	cmd := exec.Command(fromMake(s.t, "MODTIER_TEST_VERSITYGW_BIN"), "--port", s.addr, "--access", s3Key, "--secret", s3Secret,
		"--region", "us-east-1", "--quiet", "--health", "/health", "posix", filepath.Dir(s.dir))
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	s.cmd, s.exited = cmd, exited
	eventually(s.t, "the S3 server answers", func() bool {
		select {
		case <-exited:
			s.t.Fatal("the S3 server has ended")
		default:
		}
		resp, err := http.Get("http://" + s.addr + "/health")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
}

// stop ends the server: its connections break, and its address refuses others.
func (s *s3Server) stop() {
	s.cmd.Process.Kill()
	<-s.exited
}

// env returns what a gateway needs to have it as its store s3, at addr, or at its
// own address if that is "". Modules are made up, so no database knows their sums.
func (s *s3Server) env(addr string, more ...string) []string {
	if addr == "" {
		addr = s.addr
	}
	return append([]string{
		"ATHENS_STORAGE_TYPE=s3", "ATHENS_S3_BUCKET_NAME=" + s3Bucket, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=" + s3Key, "AWS_SECRET_ACCESS_KEY=" + s3Secret,
		"AWS_ENDPOINT=http://" + addr, "AWS_FORCE_PATH_STYLE=true", "ATHENS_SUM_DBS=",
	}, more...)
}

// file returns where the object of a file is kept.
func (s *s3Server) file(v version, kind string) string {
	return filepath.Join(s.dir, filepath.FromSlash(v.path), "@v", v.version+"."+kind)
}

// has returns nil if these files of v are stored as they are, and all of them if
// no kind is given.
func (s *s3Server) has(v version, which ...string) error {
	if len(which) == 0 {
		which = kinds
	}
	for _, kind := range which {
		got, err := os.ReadFile(s.file(v, kind))
		if err != nil {
			return err
		}
		if want := v.file(kind); !bytes.Equal(got, want) {
			return fmt.Errorf("stored: %s: got %d bytes, want %d other ones", s.file(v, kind), len(got), len(want))
		}
	}
	return nil
}

// exists reports whether there is an object of that key.
func (s *s3Server) exists(key string) bool {
	_, err := os.Stat(filepath.Join(s.dir, filepath.FromSlash(key)))
	return err == nil
}

// objects returns the keys of all objects.
func (s *s3Server) objects() (keys []string) {
	err := filepath.WalkDir(s.dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return gone(err)
		case e.IsDir() && e.Name() == ".sgwtmp": // what is on its way in
			return fs.SkipDir
		case !e.IsDir():
			key, err := filepath.Rel(s.dir, name)
			keys = append(keys, filepath.ToSlash(key))
			return err
		}
		return nil
	})
	if err != nil {
		s.t.Error(err)
	}
	return keys
}

// A storeRoad leads a gateway to a store, through a toxiproxy.
type storeRoad struct {
	t    testing.TB
	addr string // for the gateway, host:port
	api  string // URL of this road in the API
}

// newStoreRoad returns an open road to the server at target, host:port.
func newStoreRoad(t testing.TB, target string) *storeRoad {
	t.Helper()
	r := &storeRoad{t: t, api: fromMake(t, "MODTIER_TEST_TOXIPROXY_URL") + "/proxies"}
	name := fmt.Sprintf("modtier-%d-%d", os.Getpid(), time.Now().UnixNano())
	var made struct{ Listen string }
	r.call("POST", "", map[string]any{"name": name, "listen": "127.0.0.1:0", "upstream": target}, &made)
	r.addr = made.Listen
	r.api += "/" + name
	t.Cleanup(func() { r.call("DELETE", "", nil, nil) })
	return r
}

// open takes away all that is wrong with the road.
func (r *storeRoad) open() {
	var now struct{ Toxics []struct{ Name string } }
	r.call("GET", "", nil, &now)
	for _, toxic := range now.Toxics {
		r.call("DELETE", "/toxics/"+toxic.Name, nil, nil)
	}
	r.call("POST", "", map[string]any{"enabled": true}, nil)
}

// cut breaks connections, and refuses others.
func (r *storeRoad) cut() { r.call("POST", "", map[string]any{"enabled": false}, nil) }

// hang is a black hole: it accepts connections, and nothing comes through to the
// store.
func (r *storeRoad) hang() { r.harm("timeout", map[string]any{"timeout": 0}) }

// breakAfter breaks each connection when so many bytes have come through to the store.
func (r *storeRoad) breakAfter(n int64) { r.harm("limit_data", map[string]any{"bytes": n}) }

func (r *storeRoad) harm(kind string, attributes map[string]any) {
	r.call("POST", "/toxics", map[string]any{"type": kind, "stream": "upstream", "attributes": attributes}, nil)
}

// call asks the toxiproxy for something. It may be called from any goroutine.
func (r *storeRoad) call(method, path string, say, hear any) {
	body, err := json.Marshal(say)
	if err != nil {
		r.t.Error(err)
		return
	}
	req, err := http.NewRequest(method, r.api+path, bytes.NewReader(body))
	if err != nil {
		r.t.Error(err)
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Error("toxiproxy: ", err)
		return
	}
	defer resp.Body.Close()
	if answer, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode >= 300 {
		r.t.Errorf("toxiproxy: %s %s: status %d: %s, %v", method, path, resp.StatusCode, answer, err)
	} else if hear != nil {
		if err := json.Unmarshal(answer, hear); err != nil {
			r.t.Errorf("toxiproxy: %s %s: %v", method, path, err)
		}
	}
}

// tap forwards connections to target, and calls passed for each piece that goes
// there. It returns its address.
func tap(t testing.TB, target string, passed func()) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return // the test is over
			}
			all.Go(func() {
				defer client.Close()
				server, err := net.Dial("tcp", target)
				if err != nil {
					client.(*net.TCPConn).SetLinger(0) // as near to refusing as can be had
					return
				}
				defer server.Close()
				all.Go(func() {
					io.Copy(client, server)
					client.Close()
				})
				io.Copy(writerFunc(func(b []byte) (int, error) {
					passed()
					return server.Write(b)
				}), client)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		all.Wait()
	})
	return ln.Addr().String()
}

type writerFunc func(b []byte) (int, error)

func (w writerFunc) Write(b []byte) (int, error) { return w(b) }

// waiting returns how many versions wait in the queue of a disk tier.
func waiting(t testing.TB, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, ".modtier", "queue"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return len(entries)
}

// degraded returns what the gateway says of the store s3 when it says that it is
// ready: "ok", "unstable" or "down".
func (g *gateway) degraded() string {
	g.t.Helper()
	status, text, err := g.get("/readyz")
	if err != nil || status != http.StatusOK {
		g.t.Fatalf("/readyz: got status %d, %q, %v, want 200", status, text, err)
	}
	_, rest, _ := strings.Cut(string(text), "s3: ")
	state, _, _ := strings.Cut(rest, "\n")
	if state == "" {
		return "ok"
	}
	return state
}
