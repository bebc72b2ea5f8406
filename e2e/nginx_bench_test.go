package e2e

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkHitsBesideNginx measures a hit of a small file and of a zip on
// modtier, on nginx as a caching proxy, and on a bare net/http handler, each in
// turn within a round, so that the ratios hold on a noisy machine. It prints a
// table in Markdown. It needs wrk, and leaves nginx out where there is none.
func BenchmarkHitsBesideNginx(b *testing.B) {
	if _, err := exec.LookPath("wrk"); err != nil {
		b.Skip("wrk is not installed")
	}
	dir := b.TempDir()
	small := []byte("module example.com/hot\n\ngo 1.26\n\nrequire example.com/other v1.2.3 // a go.mod of 84\n")[:84]
	large := storedZip(b, 167_000)
	write(b, filepath.Join(dir, "small"), small)
	write(b, filepath.Join(dir, "large"), large)

	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=86400")
		switch {
		case strings.HasSuffix(r.URL.Path, ".mod"):
			w.Write(small)
		case strings.HasSuffix(r.URL.Path, ".zip"):
			w.Write(large)
		default:
			http.NotFound(w, r)
		}
	}))
	defer origin.Close()

	const mod, zip = "/example.com/hot/@v/v1.0.0.mod", "/example.com/hot/@v/v1.0.0.zip"
	servers := []*contestant{
		bareServer(b, dir),
		modtierServer(b, "modtier", dir, origin.URL, "warn", mod, zip),
		modtierServer(b, "modtier, a log line a request", dir, origin.URL, "info", mod, zip),
	}
	if _, err := exec.LookPath("nginx"); err == nil {
		servers = append(servers,
			nginxServer(b, "nginx proxy_cache", dir, origin.URL, "off", mod, zip),
			nginxServer(b, "nginx proxy_cache, a log line a request", dir, origin.URL, filepath.Join(dir, "access.log")+" combined buffer=64k", mod, zip))
	}
	for b.Loop() {
		for _, file := range []struct {
			name string
			path func(*contestant) string
		}{
			{"84-byte go.mod", func(c *contestant) string { return c.small }},
			{"167 kB zip", func(c *contestant) string { return c.large }},
		} {
			const rounds = 5
			for range rounds {
				for _, c := range servers {
					c.measure(b, file.path(c))
				}
			}
			fmt.Printf("\n| %s | requests/s | CPU µs/request | to bare | p99 ms |\n| --- | --- | --- | --- | --- |\n", file.name)
			bare := servers[0].cpu
			for _, c := range servers {
				fmt.Printf("| %s | %.0f | %.1f | %.2f | %.2f |\n", c.name, median(c.rate), median(c.cpu), median(ratios(c.cpu, bare)), median(c.p99))
				c.rate, c.cpu, c.p99 = nil, nil, nil
			}
		}
	}
}

// A contestant is a server and what was measured of it, a value a round.
type contestant struct {
	name         string
	pids         []int
	small, large string // URLs
	rate         []float64
	cpu          []float64 // microseconds a request
	p99          []float64 // milliseconds
}

var wrkLine = regexp.MustCompile(`(?m)^\s*(?:99%\s+([0-9.]+)(us|ms|s)|([0-9]+) requests in|Requests/sec:\s+([0-9.]+)|(Non-2xx.*|Socket errors.*))`)

// measure loads the server for two seconds over 16 connections.
func (c *contestant) measure(b *testing.B, url string) {
	before := c.cpuTime(b)
	out, err := exec.Command("wrk", "-t1", "-c16", "-d2s", "--latency", url).CombinedOutput()
	if err != nil {
		b.Fatalf("wrk: %v: %s", err, out)
	}
	used := c.cpuTime(b) - before
	for _, m := range wrkLine.FindAllStringSubmatch(string(out), -1) {
		switch {
		case m[1] != "":
			v, _ := strconv.ParseFloat(m[1], 64)
			c.p99 = append(c.p99, v*map[string]float64{"us": .001, "ms": 1, "s": 1000}[m[2]])
		case m[3] != "":
			n, _ := strconv.ParseFloat(m[3], 64)
			c.cpu = append(c.cpu, float64(used.Microseconds())/n)
		case m[4] != "":
			v, _ := strconv.ParseFloat(m[4], 64)
			c.rate = append(c.rate, v)
		default:
			b.Fatalf("%s: %s", c.name, m[0])
		}
	}
}

// cpuTime returns what the server's processes have used, as the kernel counts it.
func (c *contestant) cpuTime(b *testing.B) time.Duration {
	var ticks int
	for _, pid := range c.pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			b.Skip("CPU time is read from /proc: ", err)
		}
		f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		ticks += user + system
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if len(v) == 0 {
		return 0
	}
	return v[len(v)/2]
}

func ratios(a, b []float64) []float64 {
	var r []float64
	for i := range min(len(a), len(b)) {
		r = append(r, a[i]/b[i])
	}
	return r
}

func bareServer(b *testing.B, dir string) *contestant {
	bin := filepath.Join(dir, "bare")
	if out, err := exec.Command("go", "build", "-o", bin, "./bare").CombinedOutput(); err != nil {
		b.Fatalf("go build ./bare: %v: %s", err, out)
	}
	address := freeAddress(b)
	pid := run(b, dir, bin, address, dir)
	waitFor(b, "http://"+address+"/small")
	return &contestant{name: "bare net/http handler", pids: []int{pid}, small: "http://" + address + "/small", large: "http://" + address + "/large"}
}

func modtierServer(b *testing.B, name, dir, origin, level, small, large string) *contestant {
	bin := filepath.Join(dir, "modtier")
	if out, err := exec.Command("go", "build", "-C", "..", "-o", bin, ".").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v: %s", err, out)
	}
	address := freeAddress(b)
	b.Setenv("ATHENS_LOG_LEVEL", level)
	b.Setenv("MODTIER_DISK_PATH", filepath.Join(dir, "disk-"+level))
	b.Setenv("MODTIER_DISK_FREE", "0")
	pid := run(b, dir, bin, "--listen", address, "--upstream", origin)
	c := &contestant{name: name, pids: []int{pid}, small: "http://" + address + small, large: "http://" + address + large}
	waitFor(b, "http://"+address+"/healthz")
	warm(b, c)
	return c
}

// nginxServer starts nginx as Debian has it, with one worker, as a caching proxy.
func nginxServer(b *testing.B, name, dir, origin, accessLog, small, large string) *contestant {
	address := freeAddress(b)
	home, err := os.MkdirTemp(dir, "nginx")
	if err != nil {
		b.Fatal(err)
	}
	os.Chmod(home, 0o755)
	write(b, filepath.Join(home, "nginx.conf"), []byte(fmt.Sprintf(`
daemon off;
worker_processes 1;
user root;
pid %[1]s/pid;
error_log %[1]s/error.log;
events { worker_connections 1024; }
http {
	access_log %[4]s;
	sendfile on;
	tcp_nopush on;
	keepalive_requests 1000000000;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	proxy_cache_path %[1]s/cache levels=1:2 keys_zone=modules:16m max_size=1g use_temp_path=off;
	open_file_cache max=1000;
	server {
		listen %[2]s;
		location / {
			proxy_pass %[3]s;
			proxy_cache modules;
			proxy_cache_valid 200 1d;
		}
	}
}
`, home, address, origin, accessLog)))
	master := run(b, dir, "nginx", "-p", home, "-c", filepath.Join(home, "nginx.conf"))
	c := &contestant{name: name, small: "http://" + address + small, large: "http://" + address + large}
	waitFor(b, c.small)
	warm(b, c)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", master))
	if err != nil {
		b.Skip("the worker of nginx is found in /proc: ", err)
	}
	for _, f := range strings.Fields(string(children)) {
		pid, _ := strconv.Atoi(f)
		title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if bytes.Contains(title, []byte("worker")) { // the others look after the cache's files
			c.pids = append(c.pids, pid)
		}
	}
	return c
}

// warm asks for both files until a cache must have them.
func warm(b *testing.B, c *contestant) {
	for range 3 {
		for _, url := range []string{c.small, c.large} {
			resp, err := http.Get(url)
			if err != nil {
				b.Fatal(err)
			}
			n, err := io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK || n == 0 {
				b.Fatalf("%s: %s, %d bytes, %v", url, resp.Status, n, err)
			}
		}
	}
}

// run starts a server that ends with the benchmark, and returns its pid.
func run(b *testing.B, dir string, name string, args ...string) int {
	out, err := os.CreateTemp(dir, "log")
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		out.Close()
	})
	return cmd.Process.Pid
}

func freeAddress(b *testing.B) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// waitFor asks a URL until it answers, for ten seconds at the most.
func waitFor(b *testing.B, url string) {
	var err error
	for range 200 {
		var resp *http.Response
		if resp, err = http.Get(url); err == nil {
			resp.Body.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Fatalf("%s does not answer: %v", url, err)
}

func write(b *testing.B, name string, content []byte) {
	if err := os.WriteFile(name, content, 0o644); err != nil {
		b.Fatal(err)
	}
}

// storedZip returns a zip of about size bytes, which nothing compresses.
func storedZip(b *testing.B, size int) []byte {
	noise := make([]byte, size)
	random := rand.NewChaCha8([32]byte{})
	random.Read(noise)
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "example.com/hot@v1.0.0/noise", Method: zip.Store})
	if err == nil {
		_, err = f.Write(noise)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}
