package config

import (
	"strings"
	"testing"
)

func TestServe(t *testing.T) {
	const auth = " MODTIER_SERVE_USER=u MODTIER_SERVE_PASS=sesame"
	for _, tt := range []struct{ claim, environ, want string }{
		{"it is never open", "MODTIER_SERVE_LISTEN=:4000",
			`MODTIER_SERVE_LISTEN: Tiers.Serve.Listen = ":4000": set without Tiers.Serve.User (MODTIER_SERVE_USER) and Tiers.Serve.Pass (MODTIER_SERVE_PASS); want both`},
		{"the gateway's own credentials do not open it", "MODTIER_SERVE_LISTEN=:4000 BASIC_AUTH_USER=u BASIC_AUTH_PASS=sesame", "set without Tiers.Serve.User"},
		{"a user has a password", "MODTIER_SERVE_LISTEN=:4000 MODTIER_SERVE_USER=u", "set without Tiers.Serve.Pass (MODTIER_SERVE_PASS); want both or neither"},
		{"a password has a user", "MODTIER_SERVE_LISTEN=:4000 MODTIER_SERVE_PASS=sesame", "set without Tiers.Serve.User (MODTIER_SERVE_USER)"},
		{"half of them is wrong without a listener too", "MODTIER_SERVE_PASS=sesame", "set without Tiers.Serve.User"},
		{"a certificate has its key", "MODTIER_SERVE_TLSCERTFILE=c", "set without Tiers.Serve.TLSKeyFile (MODTIER_SERVE_TLSKEYFILE)"},
		{"a key has its certificate", "MODTIER_SERVE_TLSKEYFILE=k", "set without Tiers.Serve.TLSCertFile (MODTIER_SERVE_TLSCERTFILE)"},
		{"without a listener the rest may wait", strings.TrimSpace(auth), ""},

		{"it is not the gateway's address", "MODTIER_SERVE_LISTEN=3000" + auth, `Tiers.Serve.Listen = "3000": want another address than Port (ATHENS_PORT, PORT)`},
		{"nor in its range", "MODTIER_SERVE_LISTEN=127.0.0.1:3000" + auth, "want another address"},
		{"nor around it", "PORT=127.0.0.1:3000 MODTIER_SERVE_LISTEN=[::]:3000" + auth, `want another address than PORT: Port = "127.0.0.1:3000"`},
		{"nor by another name of the port", "PORT=80 MODTIER_SERVE_LISTEN=:http" + auth, "want another address"},
		{"another host is another address", "PORT=127.0.0.1:3000 MODTIER_SERVE_LISTEN=127.0.0.2:3000" + auth, ""},
		{"any free port is another each time", "PORT=127.0.0.1:0 MODTIER_SERVE_LISTEN=127.0.0.1:0" + auth, ""},
		{"a gateway on a socket leaves its port free", "ATHENS_UNIX_SOCKET=/s MODTIER_SERVE_LISTEN=3000" + auth, ""},
		{"another port is fine", "MODTIER_SERVE_LISTEN=:4000 MODTIER_SERVE_TLSCERTFILE=c MODTIER_SERVE_TLSKEYFILE=k" + auth, ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			_, warnings, err := Load(Options{File: write(t, ""), Environ: strings.Fields(tt.environ)})
			wantOne(t, err, tt.want)
			if len(warnings) > 0 {
				t.Errorf("got warnings %q, want none", warnings)
			}
		})
	}
	t.Run("an empty variable does not take the credentials away", func(t *testing.T) {
		file := write(t, "[Tiers.Serve]\nListen = \":4000\"\nUser = \"u\"\nPass = \"sesame\"\n")
		c, warnings, err := Load(Options{File: file, Environ: []string{"MODTIER_SERVE_USER=", "MODTIER_SERVE_PASS="}})
		if err != nil || c.Tiers.Serve.User != "u" || c.Tiers.Serve.Pass != "sesame" || len(warnings) != 2 {
			t.Errorf("got %+v, %q, %v", c, warnings, err)
		}
		if strings.Contains(strings.Join(warnings, ""), "sesame") {
			t.Errorf("a secret in %q", warnings)
		}
	})
}
