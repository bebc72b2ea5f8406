package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modtier/modtier/config"
)

// load returns the configuration of an environment, in which the go command is
// missing unless it says otherwise.
func load(t *testing.T, environ ...string) *config.Config {
	t.Helper()
	t.Chdir(t.TempDir()) // no configuration file, no robots.txt
	t.Setenv("GOPROXY", "")
	t.Setenv("GOSUMDB", "")
	c, _, err := config.Load(config.Options{Environ: defaults(t, environ)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func defaults(t *testing.T, environ []string) []string {
	return append(environ, "GO_BINARY_PATH=/nowhere/go", "ATHENS_PORT=127.0.0.1:0", "ATHENS_LOG_LEVEL=error", "MODTIER_DISK_PATH="+t.TempDir())
}

// open wires a configuration.
func open(t *testing.T, c *config.Config) (*service, error) {
	t.Helper()
	s, err := wire(t.Context(), c, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err == nil {
		t.Cleanup(s.close)
	}
	return s, err
}

// A running gateway is one that serves as serve does.
type running struct {
	*service
	config *config.Config
	server *http.Server
	base   *url.URL // nil on a unix socket
}

func run(t *testing.T, c *config.Config) *running {
	t.Helper()
	s, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	ln, base, err := listen(c)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(s.gateway.Handler(), slog.New(slog.DiscardHandler))
	go server.Serve(ln)
	t.Cleanup(func() { server.Close() })
	return &running{s, c, server, base}
}

// goCommand returns the path of a command that answers for the go command.
func goCommand(t *testing.T, script string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script), 0o777); err != nil {
		t.Fatal(err)
	}
	return name
}

// Like the go command, it answers from the environment, and else knows a default.
const goEnvScript = `case "$1 $2" in
"env -json") echo "{\"GOPROXY\":\"${GOPROXY:-https://default.example.com,direct}\",\"GOSUMDB\":\"${GOSUMDB:-sum.default.example.com}\"}" ;;
*) echo "go $*: unknown" >&2; exit 2 ;;
esac`

func TestTheUpstreamIsTheFirstThatIsSet(t *testing.T) {
	for _, test := range []struct {
		name    string
		environ []string // of the configuration
		goproxy string   // of the process
		script  string   // of the go command; "" if it is missing
		want    string
	}{
		{"Tiers.Upstream", []string{"MODTIER_UPSTREAM=https://a.example.com", "ATHENS_GO_BINARY_ENV_VARS=GOPROXY=https://b.example.com"},
			"https://c.example.com", goEnvScript, "https://a.example.com"},
		{"GoBinaryEnvVars", []string{"ATHENS_GO_BINARY_ENV_VARS=GOPROXY=https://x.example.com;GOFLAGS=-v;GOPROXY=https://b.example.com|direct"},
			"https://c.example.com", goEnvScript, "https://b.example.com|direct"},
		{"the environment", nil, "https://c.example.com,https://d.example.com", goEnvScript, "https://c.example.com,https://d.example.com"},
		{"the environment, without a go command", nil, "https://c.example.com", "", "https://c.example.com"},
		{"the go command", nil, "", goEnvScript, "https://default.example.com,direct"},
		{"off", []string{"MODTIER_UPSTREAM=off"}, "", "", "offline"},
		{"NetworkMode offline", []string{"MODTIER_UPSTREAM=https://a.example.com", "ATHENS_NETWORK_MODE=offline"}, "", "", "offline"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.script != "" {
				test.environ = append(test.environ, "GO_BINARY_PATH="+goCommand(t, test.script))
			}
			c := load(t, test.environ...)
			t.Setenv("GOPROXY", test.goproxy)
			s, err := open(t, c)
			if err != nil {
				t.Fatal(err)
			}
			got := "offline"
			if s.upstream != nil {
				got = s.upstream.String()
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if (s.gateway.Upstream == nil) != (test.want == "offline") || (s.stack.Upstream == nil) != (test.want == "offline") {
				t.Errorf("the gateway asks %v, the stack %v", s.gateway.Upstream, s.stack.Upstream)
			}
		})
	}
}

func TestTheChecksumDatabasesAreTheFirstThatAreSet(t *testing.T) {
	for _, test := range []struct {
		name    string
		environ []string
		gosumdb string
		script  string
		want    string
	}{
		{"SumDBs", []string{"ATHENS_SUM_DBS=https://a.example.com,https://b.example.com", "ATHENS_GO_BINARY_ENV_VARS=GOSUMDB=c.example.com"},
			"d.example.com", goEnvScript, "a.example.com b.example.com"},
		{"SumDBs, which says that there are none", []string{"ATHENS_SUM_DBS="}, "d.example.com", goEnvScript, ""},
		{"GoBinaryEnvVars", []string{"ATHENS_GO_BINARY_ENV_VARS=GOSUMDB=c.example.com+12345678+key https://other.example.com"}, "d.example.com", goEnvScript, "c.example.com"},
		{"the environment", nil, "d.example.com", goEnvScript, "d.example.com"},
		{"the environment, without a go command", nil, "d.example.com", "", "d.example.com"},
		{"the go command", nil, "", goEnvScript, "sum.default.example.com"},
		{"off", nil, "off", goEnvScript, ""},
		{"no go command", nil, "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			environ := append(test.environ, "MODTIER_UPSTREAM=https://proxy.example.com")
			if test.script != "" {
				environ = append(environ, "GO_BINARY_PATH="+goCommand(t, test.script))
			}
			c := load(t, environ...)
			t.Setenv("GOSUMDB", test.gosumdb)
			s, err := open(t, c)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(s.gateway.SumDBs, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestTheStartAsksTheGoCommandOnce(t *testing.T) {
	asked := filepath.Join(t.TempDir(), "asked")
	c := load(t, "GO_BINARY_PATH="+goCommand(t, "echo $* >>"+asked+"\n"+goEnvScript),
		"ATHENS_STORAGE_TYPE=external", "ATHENS_EXTERNAL_STORAGE_URL=http://127.0.0.1:1")
	for _, name := range []string{"GONOPROXY", "GONOSUMDB", "GOPRIVATE"} {
		t.Setenv(name, "")
	}
	if _, err := open(t, c); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(asked); err != nil || strings.Count(string(b), "\n") != 1 {
		t.Errorf("got %q, %v; want one line", b, err)
	}
}

func TestAStartThatCannotWorkIsRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	broken := goCommand(t, "echo 'go: the disk is on fire' >&2; exit 1")
	redirecting := filepath.Join(t.TempDir(), "filter")
	if err := os.WriteFile(redirecting, []byte("D example.com/a\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	unwritable := t.TempDir() // for root too
	if err := os.WriteFile(filepath.Join(unwritable, ".modtier"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		environ []string
		says    []string
	}{
		{"no upstream and no go command", nil, []string{"Tiers.Upstream", "MODTIER_UPSTREAM", "--upstream", "/nowhere/go env"}},
		{"no upstream and a go command that fails", []string{"GO_BINARY_PATH=" + broken}, []string{"Tiers.Upstream", "the disk is on fire"}},
		{"a list that is none", []string{"MODTIER_UPSTREAM=ftp://proxy.example.com"}, []string{"Tiers.Upstream", "ftp://proxy.example.com", "scheme"}},
		{"a list that is none, with a password", []string{"MODTIER_UPSTREAM=ftp://ci:s3cret@proxy.example.com"}, []string{"Tiers.Upstream"}},
		{"a list in GoBinaryEnvVars that is none", []string{"ATHENS_GO_BINARY_ENV_VARS=GOPROXY=,,"}, []string{"Tiers.Upstream", "GoBinaryEnvVars", "no entries"}},
		{"a database that is none", []string{"MODTIER_UPSTREAM=off", "ATHENS_SUM_DBS=ftp://sum.example.com"}, []string{"SumDBs", "ftp://sum.example.com"}},
		{"itself", []string{"ATHENS_PORT=:4321", "MODTIER_UPSTREAM=http://localhost:4321"}, []string{"http://localhost:4321", "this gateway itself", "Tiers.Upstream"}},
		{"a redirect to itself", []string{"MODTIER_UPSTREAM=off", "ATHENS_PORT=:4321", "ATHENS_DOWNLOAD_MODE=redirect", "ATHENS_DOWNLOAD_URL=http://localhost:4321"}, []string{"DownloadURL", "this gateway itself"}},
		{"a filter that redirects to itself", []string{"MODTIER_UPSTREAM=off", "ATHENS_PORT=:3001", "ATHENS_FILTER_FILE=" + redirecting}, []string{"GlobalEndpoint", "this gateway itself"}},
		{"profiles where somebody listens", []string{"MODTIER_UPSTREAM=off", "ATHENS_ENABLE_PPROF=true", "ATHENS_PPROF_PORT=" + taken.Addr().String()}, []string{"PprofPort", "ATHENS_PPROF_PORT"}},
		{"a disk tier in a file", []string{"MODTIER_UPSTREAM=off", "MODTIER_DISK_PATH=" + broken}, []string{"disk", broken, "Tiers.Disk.Path", "MODTIER_DISK_PATH"}},
		{"a directory that cannot be written", []string{"MODTIER_UPSTREAM=off", "MODTIER_DISK_PATH=" + unwritable},
			[]string{"disk: " + unwritable + " must be writable", ".modtier"}},
		{"a store's directory that cannot be written", []string{"MODTIER_UPSTREAM=off", "ATHENS_STORAGE_TYPE=disk", "ATHENS_DISK_STORAGE_ROOT=" + unwritable, "MODTIER_DISK_PATH=" + unwritable},
			[]string{unwritable, "Storage.Disk.RootPath", "ATHENS_DISK_STORAGE_ROOT"}},
		{"a socket where there is no directory", []string{"MODTIER_UPSTREAM=off", "ATHENS_UNIX_SOCKET=/nowhere/socket"}, []string{"/nowhere/socket", "UnixSocket", "ATHENS_UNIX_SOCKET"}},
		{"a robots file that cannot be read", []string{"MODTIER_UPSTREAM=off", "ATHENS_ROBOTS_FILE=/"}, []string{"RobotsFile"}},
		{"a certificate that is missing", []string{"MODTIER_UPSTREAM=off", "ATHENS_TLSCERT_FILE=" + broken, "ATHENS_TLSKEY_FILE=" + broken}, []string{"TLSCertFile"}},
		{"an address that is not ours", []string{"MODTIER_UPSTREAM=off", "ATHENS_PORT=192.0.2.1:80"}, []string{"192.0.2.1:80", "ATHENS_PORT"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			t.Setenv("GOPROXY", "")
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // else it would serve for ever
			defer cancel()
			err := serve(ctx, config.Options{Environ: defaults(t, test.environ)})
			if err == nil {
				t.Fatal("it served")
			}
			for _, want := range test.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("it tells the password: %v", err)
			}
		})
	}
}

func TestAWayToItselfThatNothingLeadsToIsNoMatter(t *testing.T) {
	filter := filepath.Join(t.TempDir(), "filter")
	if err := os.WriteFile(filter, []byte("- example.com/a\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	c := load(t, "MODTIER_UPSTREAM=off", "ATHENS_FILTER_FILE="+filter, "ATHENS_DOWNLOAD_URL=http://localhost:3001")
	c.Port = ":3001" // where the default of GlobalEndpoint is
	if _, err := open(t, c); err != nil {
		t.Error(err)
	}
}

func TestAnUpstreamThatIsThisGatewayIsFound(t *testing.T) {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ port, list, want string }{
		{":3000", "http://localhost:3000", "http://localhost:3000"},
		{":3000", "http://LocalHost:3000/", "http://LocalHost:3000/"},
		{":3000", "http://127.0.0.1:3000", "http://127.0.0.1:3000"},
		{":3000", "http://127.8.9.1:3000", "http://127.8.9.1:3000"},
		{":3000", "http://[::1]:3000", "http://[::1]:3000"},
		{":3000", "http://0.0.0.0:3000", "http://0.0.0.0:3000"},
		{":3000", "http://" + name + ":3000/prefix", "http://" + name + ":3000/prefix"},
		{":3000", "localhost:3000", "https://localhost:3000"},
		{":3000", "127.0.0.1:3000", "https://127.0.0.1:3000"},
		{":3000", "https://proxy.example.com|http://localhost:3000,direct", "http://localhost:3000"},
		{":3000", "https://proxy.example.com, http://localhost:3000 ,direct", "http://localhost:3000"},
		{":3000", "http://ci:s3cret@localhost:3000", "http://ci:xxxxx@localhost:3000"},
		{":80", "http://localhost", "http://localhost"},
		{":443", "https://localhost", "https://localhost"},
		{"127.0.0.1:3000", "http://localhost:3000", "http://localhost:3000"},

		{":3000", "http://localhost:3001", ""},
		{":3000", "https://localhost", ""},
		{":3000", "https://proxy.example.com:3000", ""},
		{":3000", "http://192.0.2.1:3000", ""},
		{":3000", "https://proxy.example.com,direct", ""},
		{":3000", "off", ""},
		{":3000", "file:///srv/proxy", ""},
		{"127.0.0.1:0", "http://127.0.0.1:3000", ""},
	} {
		c := load(t, "ATHENS_PORT="+test.port)
		if got := ownAddress(test.list, c); got != test.want {
			t.Errorf("listening on %s, %s: got %q, want %q", test.port, test.list, got, test.want)
		}
	}
	if got := ownAddress("http://localhost:3000", load(t, "ATHENS_UNIX_SOCKET=/run/modtier.sock")); got != "" {
		t.Errorf("on a socket: got %q, want none", got)
	}
}
