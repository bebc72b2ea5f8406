package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/modtier/modtier/config"
)

// say runs a command.
func say(t *testing.T, cmd *cobra.Command, args ...string) (string, error) {
	t.Helper()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	var out bytes.Buffer
	cmd.SetOut(&out)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// both runs explain and top, and returns what they say.
func both(t *testing.T, o config.Options, args ...string) string {
	t.Helper()
	var all string
	for cmd, more := range map[*cobra.Command][]string{explainCommand(&o): {"example.com/m@v1.0.0"}, topCommand(&o): {"--once"}} {
		out, err := say(t, cmd, append(more, args...)...)
		if err != nil {
			t.Errorf("%s: %v", cmd.Name(), err)
		}
		all += out
	}
	return all
}

func checkBoth(t *testing.T, got string) {
	t.Helper()
	for _, want := range []string{"All tiers are well.", "example.com/m@v1.0.0: No tier holds it.", "memory", "disk"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestExplainAndTopFindTheGatewayOfTheConfiguration(t *testing.T) {
	cert, key, _ := certificate(t)
	for name, environ := range map[string][]string{
		"plain":                nil,
		"a prefix":             {"ATHENS_PATH_PREFIX=/go"},
		"a password":           {"BASIC_AUTH_USER=ci", "BASIC_AUTH_PASS=s3cret"},
		"TLS, for other names": {"ATHENS_TLSCERT_FILE=" + cert, "ATHENS_TLSKEY_FILE=" + key},
		"TLS ended before it":  {"PROXY_FORCE_SSL=true"},
		"a unix socket":        {"ATHENS_UNIX_SOCKET=" + filepath.Join(t.TempDir(), "s")},
	} {
		t.Run(name, func(t *testing.T) {
			c := load(t, append(environ, "MODTIER_UPSTREAM=off")...)
			r := run(t, c)
			o := config.Options{Environ: environ}
			if r.base != nil {
				o.Listen = r.base.Host
			}
			checkBoth(t, both(t, o))
		})
	}
}

func TestExplainAndTopTakeAnAddress(t *testing.T) {
	r := run(t, load(t, "MODTIER_UPSTREAM=off", "BASIC_AUTH_USER=ci", "BASIC_AUTH_PASS=s3cret"))
	nowhere := config.Options{Environ: []string{"ATHENS_PORT=1"}}
	checkBoth(t, both(t, nowhere, "--gateway", "http://ci:s3cret@"+r.base.Host+"/"))
	t.Setenv("MODTIER_GATEWAY", "http://ci:s3cret@"+r.base.Host)
	checkBoth(t, both(t, nowhere))
	if help, _ := say(t, topCommand(&nowhere), "--help"); strings.Contains(help, "s3cret") {
		t.Errorf("help shows the password:\n%s", help)
	}
}

func TestAGatewayThatCannotBeAskedSaysWhatToMend(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("hello")) }))
	defer other.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	guarded := run(t, load(t, "MODTIER_UPSTREAM=off", "BASIC_AUTH_USER=ci", "BASIC_AUTH_PASS=s3cret"))
	for _, c := range []struct{ address, want string }{
		{"localhost:3000", "--gateway (MODTIER_GATEWAY): want a URL"},
		{closed.URL, "no gateway answers at " + closed.URL + ": "},
		{"http://ci:wr0ng@" + guarded.base.Host, "does not let ci in with this password"},
		{other.URL, other.URL + " is no gateway that can be asked"},
		{guarded.base.String() + "/x", "wants a user and a password"},
	} {
		out, err := say(t, topCommand(new(config.Options)), "--once", "--gateway", c.address)
		if err == nil || !strings.Contains(err.Error(), c.want) || out != "" {
			t.Errorf("%s: got %v and %q, want %q", c.address, err, out, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "wr0ng") {
			t.Errorf("it tells the password: %v", err)
		}
	}
	r := run(t, load(t, "MODTIER_UPSTREAM=off"))
	for _, name := range []string{"example.com/m", "x", "example.com/m@main", "../../etc@v1.0.0"} {
		if _, err := say(t, explainCommand(new(config.Options)), name, "--gateway", r.base.String()); err == nil || !strings.Contains(err.Error(), "bad name") {
			t.Errorf("%s: got %v, want that it is a bad name", name, err)
		}
	}
	if _, err := say(t, explainCommand(new(config.Options))); err == nil || !strings.Contains(err.Error(), "want one version") {
		t.Errorf("without a name: got %v", err)
	}
}

func TestAScreenShowsWhatComesFirst(t *testing.T) {
	// A line end would let it scroll, and so would a line that is wrapped.
	got := screen(strings.Repeat(strings.Repeat("long ", 100)+"\n", 100))
	if strings.Contains(got, "\n") || !strings.HasPrefix(got, "\x1b[?7l") || !strings.HasSuffix(got, "\x1b[?7h") {
		t.Errorf("a terminal would scroll: %q", got)
	}
}

// Who looks on while a gateway is restarted wants to see it come back.
func TestTopOutlivesAnOutage(t *testing.T) {
	r := run(t, load(t, "MODTIER_UPSTREAM=off"))
	remote, err := remoteAt(r.base.String(), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	screens := make(chan string)
	done := make(chan error, 1)
	t.Cleanup(func() { r.server.Close() })
	show := top{remote, "/status.json", screenWriter(screens)}
	go func() { done <- show.run(ctx, time.Millisecond) }()
	see := func(want string) {
		for screen := range screens {
			if strings.Contains(screen, want) {
				return
			}
		}
	}
	see("All tiers are well.")
	r.server.Close()
	see("no gateway answers")
	cancel()
	go func() {
		for range screens {
		}
	}()
	if err := <-done; err != nil {
		t.Errorf("got %v at the end", err)
	}
	close(screens)
}

// A screenWriter hands on what is written at once.
type screenWriter chan string

func (w screenWriter) Write(b []byte) (int, error) {
	w <- string(b)
	return len(b), nil
}
