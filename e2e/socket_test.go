package e2e

import (
	"context"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// launchOn starts a gateway on a unix socket, with the umask of the service.
func launchOn(t *testing.T, socket, umask, upstream string, env ...string) *gateway {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", "umask "+umask+` && exec "$0"`, binary(t))
	cmd.Env = append(environ(t, sealed...), "ATHENS_UNIX_SOCKET="+socket, "MODTIER_UPSTREAM="+upstream,
		"MODTIER_DISK_PATH="+filepath.Join(t.TempDir(), "disk"), "MODTIER_DISK_FREE=0")
	cmd.Env = append(cmd.Env, env...)
	g := launch(t, cmd)
	g.url = "http://modtier"
	g.client.Transport = overSocket(t, socket)
	return g
}

// overSocket connects to a socket, whatever the URL says.
func overSocket(t *testing.T, socket string) *http.Transport {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// mode returns the permissions of a socket.
func mode(t *testing.T, socket string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(socket)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		t.Errorf("%s is %v, want a socket", socket, info.Mode())
	}
	return info.Mode().Perm()
}

// TestAUnixSocketWithTheGoCommand has a web server before the gateway, for the go
// command connects to no socket.
func TestAUnixSocketWithTheGoCommand(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "modtier-socket-") // a socket's name is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	up := newUpstream(t, wanted, unwanted)
	web := httptest.NewServer(&httputil.ReverseProxy{
		Transport: overSocket(t, socket),
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: "modtier"})
			p.SetXForwarded()
		},
	})
	t.Cleanup(web.Close)

	g := launchOn(t, socket, "027", up.URL)
	g.serves(wanted)
	if got := newGo(t, web.URL, "").download(query(wanted)); got != wanted.version {
		t.Errorf("got %s", got)
	}
	t.Run("its mode is for the umask to say", func(t *testing.T) {
		if got := mode(t, socket); got != 0o750 {
			t.Errorf("got %o, want 750", got)
		}
	})
	t.Run("no second process takes it away", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		second := exec.CommandContext(ctx, binary(t), "--upstream", "off")
		second.Env = append(environ(t, sealed...), "ATHENS_UNIX_SOCKET="+socket, "MODTIER_DISK_PATH="+filepath.Join(t.TempDir(), "disk"))
		out, err := second.CombinedOutput()
		if err == nil || second.ProcessState.ExitCode() != 1 {
			t.Errorf("it ended with %v: %s", err, out)
		}
		g.serves(wanted)
	})
	t.Run("what a killed process leaves is replaced", func(t *testing.T) {
		g.kill()
		mode(t, socket) // it is still there
		_, err := newGo(t, web.URL, "").try("mod", "download", query(wanted))
		says(t, err, "502 Bad Gateway") // which the web server says
		g = launchOn(t, socket, "077", up.URL)
		if got := mode(t, socket); got != 0o700 {
			t.Errorf("got mode %o, want 700", got)
		}
		if got := newGo(t, web.URL, "").download(query(unwanted)); got != unwanted.version {
			t.Errorf("got %s", got)
		}
	})
	t.Run("it goes with its process", func(t *testing.T) {
		g.stop()
		if _, err := os.Lstat(socket); !os.IsNotExist(err) {
			t.Errorf("the socket is left: %v", err)
		}
	})
	t.Run("who is refused is told by the web server's word", func(t *testing.T) {
		g = launchOn(t, socket, "027", up.URL, "BASIC_AUTH_USER=ci", "BASIC_AUTH_PASS=socket-sesame-3")
		_, err := newGo(t, web.URL, "").try("mod", "download", query(wanted))
		says(t, err, "401 Unauthorized")
		g.logs(`"status":401`, `"forwarded_for":"127.0.0.1"`)
	})
}
