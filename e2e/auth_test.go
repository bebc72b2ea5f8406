package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestBasicAuthWithTheGoCommand asks over TLS, for the go command sends no password
// without.
func TestBasicAuthWithTheGoCommand(t *testing.T) {
	t.Parallel()
	const user, pass, wrong = "ci-runner", "auth-sesame-9d3e", "wrong-sesame-51aa"
	a := newAuthority(t)
	up, other := newUpstream(t, wanted), newUpstream(t, wanted)
	g := a.startTLS(options{upstream: up.URL, env: []string{"BASIC_AUTH_USER=" + user, "BASIC_AUTH_PASS=" + pass}})
	as := func(user, pass string) string {
		return strings.Replace(g.url, "https://", "https://"+user+":"+pass+"@", 1)
	}
	netrc := func(login, password string) string {
		name := filepath.Join(t.TempDir(), "netrc")
		machine := strings.TrimPrefix(g.url, "https://")
		put(t, name, []byte("machine "+machine+" login "+login+" password "+password+"\n"))
		return "NETRC=" + name
	}
	for _, tc := range []struct {
		claim string
		proxy string
		env   string
		line  string // of the log; "" if it is let in
	}{
		{"nobody", g.url, "", `"status":401`},
		{"a wrong password", as(user, wrong), "", `"user":"` + user + `"`},
		{"a wrong user", as("mallory", pass), "", `"user":"mallory"`},
		{"a wrong password in a netrc file", g.url, netrc("eve", wrong), `"user":"eve"`},
		{"a token for a user, which is not told", as("token-sesame-1f", ""), "", `"status":401`},
		{"the password for a user, which is not told", as(pass, user), "", `"status":401`},
	} {
		t.Run(tc.claim+" is refused", func(t *testing.T) {
			c := a.newGo(tc.proxy + "," + other.URL)
			c.env = append(c.env, tc.env)
			for _, args := range [][]string{{"mod", "download", query(wanted)}, {"list", "-m", "-versions", wanted.path}, {"list", "-m", wanted.path + "@latest"}} {
				_, err := c.try(args...)
				if err == nil {
					t.Fatal("it is let in")
				}
				says(t, err, "401 Unauthorized\n\tserver response: user and password are required")
				// The go command itself tells the user in the URL.
				if _, said, _ := strings.Cut(err.Error(), "server response:"); strings.Contains(said, "sesame") {
					t.Errorf("the gateway tells a secret: %v", err)
				}
			}
			if line := g.logs(tc.line, `"status":401`); !strings.Contains(line, `"remote":"127.0.0.1:`) || !strings.Contains(line, `"path":"/example.com/`) {
				t.Errorf("the log says %s, want who asked and for what", line)
			}
		})
	}
	if up.total()+other.total() != 0 {
		t.Error("for who is refused somebody was asked, here or at the next proxy")
	}
	t.Run("who has both is served", func(t *testing.T) {
		if got := a.newGo(as(user, pass)).download(query(wanted)); got != wanted.version {
			t.Errorf("by the URL: got %s", got)
		}
		c := a.newGo(g.url)
		c.env = append(c.env, netrc(user, pass))
		if got := c.download(query(wanted)); got != wanted.version {
			t.Errorf("by a netrc file: got %s", got)
		}
	})
	t.Run("health needs none", func(t *testing.T) {
		for _, path := range []string{"/healthz", "/readyz"} {
			if status, _, err := g.get(path); err != nil || status != 200 {
				t.Errorf("%s: got status %d, %v", path, status, err)
			}
		}
	})
	g.stop()
	if log := g.log.String(); strings.Contains(log, "sesame") {
		t.Errorf("the log tells a secret: %s", log)
	}
}

// The go command refuses to send a password over plain HTTP, and does not look into
// a netrc file for it: the gateway says so where it can.
func TestPasswordsNeedTLS(t *testing.T) {
	t.Parallel()
	const user, pass = "ci", "plain-sesame-2b"
	g := start(t, options{upstream: newUpstream(t, wanted).URL, env: []string{"BASIC_AUTH_USER=" + user, "BASIC_AUTH_PASS=" + pass}})
	_, err := newGo(t, strings.Replace(g.url, "://", "://"+user+":"+pass+"@", 1), "").try("mod", "download", query(wanted))
	says(t, err, "refusing to pass credentials to insecure URL")
	name := filepath.Join(t.TempDir(), "netrc")
	put(t, name, []byte("machine 127.0.0.1 login "+user+" password "+pass+"\nmachine "+strings.TrimPrefix(g.url, "http://")+" login "+user+" password "+pass+"\n"))
	c := newGo(t, g.url, "")
	c.env = append(c.env, "NETRC="+name)
	_, err = c.try("mod", "download", query(wanted))
	says(t, err, "401 Unauthorized", "over https only")
	if status, _ := request(t, "GET", g.url+wanted.url("mod"), user, pass, ""); status != 200 {
		t.Errorf("another client with the password: got status %d", status)
	}
	g.stop()
	line, ok := g.log.await("to use it", g.exited)
	if !ok || !strings.Contains(line["run"].(string), "GOPROXY=https://USER:PASSWORD@HOST-THAT-ENDS-TLS") {
		t.Errorf("how to use it is %v, want an address that the go command takes", line)
	}
}
