package gateway_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// serveDir, in the environment, makes TestServeADirectory serve that directory
// until its standard input ends.
const serveDir = "MODTIER_TEST_SERVE"

// TestServeADirectory is the process that TestAHitOnDiskIsSentBySendfile looks at.
func TestServeADirectory(t *testing.T) {
	dir := os.Getenv(serveDir)
	if dir == "" {
		t.Skip("it is a part of TestAHitOnDiskIsSentBySendfile")
	}
	s := openSite(t, dir, newOrigin(t))
	fmt.Println("serving", s.URL)
	io.Copy(io.Discard, os.Stdin)
}

func TestAHitOnDiskIsSentBySendfile(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("there is no strace")
	}
	if out, err := exec.Command(strace, "-f", "-qq", "true").CombinedOutput(); err != nil {
		t.Skipf("strace may not look at processes: %v: %s", err, out)
	}
	body := zipOf(t, 300<<10)
	s := newSite(t)
	s.origin.set(hotZip, speak(200, body))
	s.get(t, hotZip).is(t, 200)
	s.close()

	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.CommandContext(t.Context(), strace, "-f", "-qq", "-o", trace,
		"-e", "trace=sendfile,splice,copy_file_range,write,writev,sendto,sendmsg", os.Args[0], "-test.run=^TestServeADirectory$")
	cmd.Env = append(os.Environ(), serveDir+"="+s.dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "serving ")
	if !ok {
		t.Fatalf("got %q, error %v, want where it serves", line, err)
	}
	resp, err := http.Get(url + hotZip)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || string(got) != body {
		t.Fatalf("got %d bytes, error %v, want the %d of the zip", len(got), err, len(body))
	}
	reply{header: resp.Header}.has(t, "Cache-Status", "disk; hit, memory; fwd=bypass")
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	calls, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	// The header and the first 512 bytes are net/http's own to write.
	total, _ := returned(calls, "sendfile")
	if total < int64(len(body)-512) {
		t.Errorf("sendfile sent %d bytes, want nearly all of %d", total, len(body))
	}
	if _, most := returned(calls, "(?:write|writev|sendto|sendmsg)"); most > 8<<10 {
		t.Errorf("a write of %d bytes: the body went through the process", most)
	}
	if t.Failed() {
		t.Logf("%s", calls)
	}
}

// returned returns what the calls of a trace returned, in total and at most.
func returned(trace []byte, calls string) (total, most int64) {
	re := regexp.MustCompile(`(?m)^\d+ +(?:` + calls + `\(|<\.\.\. ` + calls + ` resumed>).*\) += (\d+)$`)
	for _, m := range re.FindAllSubmatch(trace, -1) {
		n, _ := strconv.ParseInt(string(m[1]), 10, 64)
		total += n
		most = max(most, n)
	}
	return total, most
}

// zipOf returns a zip of some more than n bytes.
func zipOf(t *testing.T, n int) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&zip.FileHeader{Name: hot.String() + "/x.go"})
	if err == nil {
		_, err = f.Write(bytes.Repeat([]byte("x"), n))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
