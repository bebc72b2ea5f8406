// Package e2e shows what modtier does for those who use it: the real binary
// between the real go command and an upstream that fails as a test says.
//
// Nothing here imports the product: [start] runs it as a process. An [upstream]
// has made-up modules and does what a test says, a [road] leads to the real one
// and can be cut, and a [goCommand] is who asks. Tests look at what happens, and
// before what, never at the clock; what is measured is a benchmark.
//
// The product is built with the race detector when the tests are. They pass
// with it, and take longer; without it they are quick enough for every change,
// and what two processes do to each other needs no detector to be seen.
package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// scratch is a directory for what all tests share.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if scratch, err = os.MkdirTemp("", "modtier-e2e-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(scratch)
		http.DefaultClient.Timeout = patience
		return m.Run()
	}())
}

// binary returns the product, built once.
func binary(t testing.TB) string {
	t.Helper()
	name, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

var build = sync.OnceValues(func() (string, error) {
	name := filepath.Join(scratch, "modtier")
	args := []string{"build", "-buildvcs=false", "-o", name}
	if raceDetector {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the product: %w\n%s", err, out)
	}
	return name, nil
})

// goSettings are the go command's settings on this machine. No public host is
// named in the tests: who is upstream is for the go command to say.
var goSettings = sync.OnceValue(func() (s struct{ GOPROXY, GOSUMDB, GONOSUMDB, GOCACHE string }) {
	cmd := exec.Command("go", "env", "-json", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOCACHE")
	cmd.Dir = os.TempDir()
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil {
		panic(fmt.Sprintf("go env: %v", err)) // go test itself has just run the go command
	}
	return s
})

// environ returns the environment of a process that we start: what it needs to
// run, and to get out into the world if it may. Nothing of it sets up modtier,
// Athens or the go command.
func environ(t testing.TB, more ...string) []string {
	t.Helper()
	env := []string{"HOME=" + newHome(t), "GOTOOLCHAIN=local", "GOENV=off", "GOSUMDB=" + goSettings().GOSUMDB}
	for _, name := range []string{
		"PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, more...)
}

// sealed keeps a process from reaching more than this machine: nobody listens at
// the proxy that it is told to use, and loopback addresses need none.
var sealed = []string{
	"HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=",
	"http_proxy=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1", "no_proxy=",
}

// newHome makes a home directory. Telemetry is off in it, or the go command
// would leave a process behind that writes there while the test removes it.
func newHome(t testing.TB) string {
	t.Helper()
	home := t.TempDir()
	put(t, filepath.Join(home, ".config", "go", "telemetry", "mode"), []byte("off"))
	return home
}

// put writes a file and makes its directory.
func put(t testing.TB, name string, content []byte) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(name), 0o777)
	if err == nil {
		err = os.WriteFile(name, content, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// long skips a test that takes more than a moment.
func long(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("long: not with -short")
	}
}

// patience bounds every wait. Nothing is decided by how long something takes,
// so this is far more than it can need.
const patience = 5 * time.Minute

// eventually waits until done.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
