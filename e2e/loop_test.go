package e2e

import (
	"context"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOwnUpstreamIsRefusedAtStart gives modtier its own address in each place from
// which it takes its upstream.
func TestOwnUpstreamIsRefusedAtStart(t *testing.T) {
	t.Parallel()
	const address = "127.0.0.1:39173" // nobody comes to listen there
	for _, c := range []struct {
		key  string // that the message names
		args []string
		env  []string
	}{
		{"Tiers.Upstream", []string{"--upstream", "http://localhost:39173"}, nil},
		{"Tiers.Upstream", nil, []string{"MODTIER_UPSTREAM=http://127.0.0.1:1,http://127.0.0.1:39173,direct"}},
		{"GOPROXY", nil, []string{"GOPROXY=http://[::1]:39173|off"}},
		{"GoBinaryEnvVars", nil, []string{"ATHENS_GO_BINARY_ENV_VARS=GOPROXY=http://127.0.0.1:39173"}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, binary(t), append(c.args, "--listen", address)...)
		dir := filepath.Join(t.TempDir(), "disk")
		cmd.Env = append(environ(t, sealed...), append(c.env, "MODTIER_DISK_PATH="+dir)...)
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%q %q: got %v, want exit status 1", c.args, c.env, err)
		}
		for _, want := range []string{c.key, "39173", "this gateway itself"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("%q %q: got %q, want a text with %q", c.args, c.env, out, want)
			}
		}
	}
}

// TestOwnUpstreamIsFoundAtRunTime leads modtier back to itself over another
// server, which no look at the configuration can tell.
func TestOwnUpstreamIsFoundAtRunTime(t *testing.T) {
	t.Parallel()
	var back url.URL
	between := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(&back) }})
	t.Cleanup(between.Close)
	g := start(t, options{upstream: between.URL})
	u, err := url.Parse(g.url)
	if err != nil {
		t.Fatal(err)
	}
	back = *u
	for _, args := range [][]string{{"mod", "download", "example.com/round@v1.0.0"}, {"list", "-m", "-versions", "example.com/round"}} {
		_, err := newGo(t, g.url, "").try(args...)
		if err == nil || !strings.Contains(err.Error(), "this gateway is its own upstream") {
			t.Errorf("go %q: got %v, want to be told that the gateway is its own upstream", args, err)
		}
	}
}
