package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestPolicyKeys(t *testing.T) {
	t.Run("are taken by file and by variable", func(t *testing.T) {
		file := write(t, `
			ForceSSL = true
			FilterFile = "/etc/filter"
			GlobalEndpoint = "https://global.example"
			ValidatorHook = "https://u:p@hook.example/check?key=x"
			DownloadMode = "async_redirect"
			DownloadURL = "https://proxy.example/all"
			HomeTemplatePath = "/etc/home.html"
		`)
		environ := []string{
			"PROXY_FORCE_SSL=true", "ATHENS_FILTER_FILE=/etc/filter", "ATHENS_GLOBAL_ENDPOINT=https://global.example",
			"ATHENS_PROXY_VALIDATOR=https://u:p@hook.example/check?key=x", "ATHENS_DOWNLOAD_MODE=async_redirect",
			"ATHENS_DOWNLOAD_URL=https://proxy.example/all", "ATHENS_HOME_TEMPLATE_PATH=/etc/home.html",
		}
		for _, o := range []Options{{File: file}, {File: write(t, ""), Environ: environ}} {
			c := load(t, o)
			got := strings.Join([]string{c.FilterFile, c.GlobalEndpoint, c.ValidatorHook, c.DownloadMode, c.DownloadURL, c.HomeTemplatePath}, " ")
			want := "/etc/filter https://global.example https://u:p@hook.example/check?key=x async_redirect https://proxy.example/all /etc/home.html"
			if got != want || !c.ForceSSL {
				t.Errorf("got %s, %t", got, c.ForceSSL)
			}
		}
	})
	t.Run("are as in Athens if they are not set", func(t *testing.T) {
		c := load(t, Options{File: write(t, "")})
		got := strings.Join([]string{c.FilterFile, c.GlobalEndpoint, c.ValidatorHook, c.DownloadMode, c.DownloadURL, c.HomeTemplatePath}, " ")
		if want := " http://localhost:3001  sync  /var/lib/athens/home.html"; got != want || c.ForceSSL {
			t.Errorf("got %q, %t, want %q", got, c.ForceSSL, want)
		}
	})
	t.Run("take each way to write a mode", func(t *testing.T) {
		for _, value := range []string{"sync", "async", "none", "file:/etc/modes.hcl", "custom:bW9kZSA9ICJub25lIg=="} {
			if c := load(t, Options{File: write(t, ""), Environ: []string{"ATHENS_DOWNLOAD_MODE=" + value}}); c.DownloadMode != value {
				t.Errorf("got %q, want %q", c.DownloadMode, value)
			}
		}
	})
}

func TestWrongPolicyKeysAreOneErrorWithoutTheSecret(t *testing.T) {
	for _, tc := range []struct{ claim, variable, want string }{
		{"an unknown mode", "ATHENS_DOWNLOAD_MODE=sesame", "DownloadMode: want one of sync, async"},
		{"a mode in capitals, which Athens does not know", "ATHENS_DOWNLOAD_MODE=None", "DownloadMode: want one of"},
		{"no file", "ATHENS_DOWNLOAD_MODE=file:", "DownloadMode: want one of"},
		{"what is not base64", "ATHENS_DOWNLOAD_MODE=custom:sesame!", "DownloadMode: want base64"},
		{"nothing in base64", "ATHENS_DOWNLOAD_MODE=custom:", "DownloadMode: want base64"},
		{"a redirect to nowhere", "ATHENS_DOWNLOAD_MODE=redirect", "DownloadMode: set without DownloadURL (ATHENS_DOWNLOAD_URL)"},
		{"and one that also fetches", "ATHENS_DOWNLOAD_MODE=async_redirect", "DownloadMode: set without DownloadURL (ATHENS_DOWNLOAD_URL)"},
		{"a redirect to another scheme", "ATHENS_DOWNLOAD_URL=file:///sesame", "DownloadURL: want an http or https URL"},
		{"a redirect that tells a password", "ATHENS_DOWNLOAD_URL=https://u:sesame@proxy.example", "DownloadURL: want a URL without credentials"},
		{"an endpoint that is no URL", "ATHENS_GLOBAL_ENDPOINT=localhost", `GlobalEndpoint = "localhost": want an http or https URL`},
		{"a hook that is no URL", "ATHENS_PROXY_VALIDATOR=sesame", "ValidatorHook: want an http or https URL"},
		{"a switch that is neither on nor off", "PROXY_FORCE_SSL=perhaps", `ForceSSL = "perhaps": want true or false`},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			_, _, err := Load(Options{File: write(t, ""), Environ: []string{tc.variable}})
			name, _, _ := strings.Cut(tc.variable, "=")
			if err == nil || !strings.HasPrefix(err.Error(), name+": "+tc.want) || strings.ContainsAny(err.Error(), "\n") {
				t.Errorf("got %v, want %s: %s", err, name, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "sesame") {
				t.Errorf("a secret in %v", err)
			}
		})
	}
	t.Run("an empty variable lifts none of them", func(t *testing.T) {
		file := write(t, "FilterFile = \"/etc/filter\"\nForceSSL = true\nDownloadMode = \"none\"\n")
		c, warnings, err := Load(Options{File: file, Environ: []string{"ATHENS_FILTER_FILE=", "PROXY_FORCE_SSL=", "ATHENS_DOWNLOAD_MODE="}})
		if err != nil || c.FilterFile != "/etc/filter" || !c.ForceSSL || c.DownloadMode != "none" || len(warnings) != 3 {
			t.Errorf("got %+v, %q, %v", c, warnings, err)
		}
	})
}

func TestAFilterThatOthersMayWriteIsRefusedInProduction(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such permissions")
	}
	name := filepath.Join(t.TempDir(), "filter")
	for mode, want := range map[os.FileMode]bool{0o600: true, 0o644: true, 0o664: false, 0o602: false, 0o755: false} {
		if err := os.WriteFile(name, nil, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		_, _, err := Load(Options{File: write(t, ""), Environ: []string{"GO_ENV=production", "ATHENS_FILTER_FILE=" + name}})
		if (err == nil) != want || err != nil && !strings.HasPrefix(err.Error(), name+": mode") {
			t.Errorf("%o: got %v", mode, err)
		}
		if _, _, err := Load(Options{File: write(t, ""), Environ: []string{"ATHENS_FILTER_FILE=" + name}}); err != nil {
			t.Errorf("%o in development: got %v", mode, err)
		}
	}
	_, _, err := Load(Options{File: write(t, ""), Environ: []string{"GO_ENV=production", "ATHENS_FILTER_FILE=/no/such"}})
	if err == nil || !strings.Contains(err.Error(), "/no/such") {
		t.Errorf("got %v", err)
	}
}
