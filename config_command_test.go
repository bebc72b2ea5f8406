package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/modtier/modtier/config"
)

// said is what a command wrote, and ended with.
type said struct {
	out, problems string
	err           error
}

// sayConfig runs the command config in an environment.
func sayConfig(o config.Options, args ...string) said {
	cmd := configCommand(&o)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	var out, problems bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&problems)
	err := cmd.Execute()
	return said{out.String(), problems.String(), err}
}

func configFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "athens.toml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestConfigPrintsWhatServeWouldHave(t *testing.T) {
	file := configFile(t, "Portt = 1\nLogLevel = \"warn\"\nBasicAuthUser = \"ci\"\nBasicAuthPass = \"sesame\"\n")
	environ := []string{"ATHENS_LOG_FORMAT=json", "MODTIER_DISK_PATH=/d"}
	got := sayConfig(config.Options{File: file, Environ: environ, Listen: "127.0.0.1:4000"})
	if got.err != nil {
		t.Fatal(got.err)
	}
	plain := strings.Join(strings.Fields(got.out), " ")
	for _, want := range []string{
		`Port = "127.0.0.1:4000" # --listen`, `LogLevel = "warn" # ` + file + `:2`, `LogFormat = "json" # ATHENS_LOG_FORMAT`,
		`GoEnv = "development" # default`, `# BasicAuthPass is set # ` + file + `:4`, `Path = "/d" # MODTIER_DISK_PATH`,
	} {
		if !strings.Contains(plain, want) {
			t.Errorf("no %s in\n%s", want, got.out)
		}
	}
	if want := "modtier: warning: " + file + ":1: unknown key Portt; did you mean Port?\n"; got.problems != want {
		t.Errorf("got problems %q, want %q", got.problems, want)
	}
	if strings.Contains(got.out+got.problems, "sesame") {
		t.Errorf("a secret in\n%s", got.out)
	}
	t.Run("and starts the same when fed back", func(t *testing.T) {
		again := sayConfig(config.Options{File: configFile(t, got.out), Environ: []string{"BASIC_AUTH_PASS=sesame"}})
		if again.err != nil || again.problems != "" || !strings.Contains(again.out, `Port = "127.0.0.1:4000"`) {
			t.Errorf("got %q, %v\n%s", again.problems, again.err, again.out)
		}
	})
	t.Run("and what is wrong with it", func(t *testing.T) {
		got := sayConfig(config.Options{File: configFile(t, "Port = \"x\"\nLogLevel = \"loud\"\n")})
		if got.err == nil || strings.Count(got.err.Error(), "\n") != 1 || !strings.Contains(got.err.Error(), ":2: LogLevel = \"loud\": want one of") {
			t.Errorf("got %v, want both", got.err)
		}
		if !strings.Contains(got.out, "# Port has a value that is wrong") || !strings.Contains(got.out, "GoBinary = \"go\"") {
			t.Errorf("got\n%s", got.out)
		}
	})
	t.Run("whatever the flags of the whole command say", func(t *testing.T) {
		args := os.Args
		defer func() { os.Args = args }()
		os.Args = []string{"modtier", "config", "-config_file=" + file, "--listen", "4001"}
		cmd := command()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		if err := cmd.Execute(); err != nil || !strings.Contains(out.String(), `Port = ":4001"`) || !strings.Contains(out.String(), file+":2") {
			t.Errorf("got %v\n%s", err, out.String())
		}
	})
}

func TestConfigChecksAFile(t *testing.T) {
	t.Run("that would start", func(t *testing.T) {
		file := configFile(t, "Port = 3000\nGoGetWorkers = 10\nSort = 1\n[Storage.S3]\nBucket = \"b\"\n")
		got := sayConfig(config.Options{Environ: []string{"GO_ENV=staging"}}, "--check", file)
		if got.err != nil || got.problems != "" {
			t.Fatalf("got %v and %q", got.err, got.problems)
		}
		plain := strings.Join(strings.Fields(got.out), " ")
		for _, want := range []string{
			"Port " + file + ":1 honoured", "GoEnv GO_ENV honoured", "Storage.S3.Bucket " + file + ":5 unused",
			"Sort " + file + ":3 unknown", "1 unknown",
		} {
			if !strings.Contains(plain, want) {
				t.Errorf("no %s in\n%s", want, got.out)
			}
		}
	})
	t.Run("that would not, in this environment", func(t *testing.T) {
		file := configFile(t, "StorageType = \"external\"\n")
		got := sayConfig(config.Options{}, "--check="+file)
		if got.err == nil || got.err.Error() != file+": 1 refused; modtier would not start with it here" {
			t.Errorf("got %v", got.err)
		}
		if !strings.Contains(got.out, "want it set, for the store external needs it") || !strings.Contains(got.out, "1 refused") {
			t.Errorf("got\n%s", got.out)
		}
		got = sayConfig(config.Options{Environ: []string{"ATHENS_EXTERNAL_STORAGE_URL=http://u:sesame@x.example"}}, "--check="+file)
		if got.err != nil || strings.Contains(got.out, "sesame") {
			t.Errorf("got %v and\n%s", got.err, got.out)
		}
	})
	t.Run("that would not, for what it names", func(t *testing.T) {
		file := configFile(t, "")
		filter := configFile(t, "+ example.com/*\n")
		for _, tt := range []struct{ environ, key, want string }{
			{"ATHENS_FILTER_FILE=" + filter, "FilterFile", filter + ":1: want the path of a module"},
			{"ATHENS_FILTER_FILE=/no/such", "FilterFile", "/no/such: no such file"},
			{"ATHENS_DOWNLOAD_MODE=file:" + filter, "DownloadMode", filter + ":1: "},
			{"ATHENS_TLSCERT_FILE=" + file + " ATHENS_TLSKEY_FILE=" + file, "TLSCertFile", "failed to find any PEM data"},
			{"ATHENS_SUM_DBS=ftp://sum.example", "SumDBs", "ftp://sum.example"},
			{"ATHENS_ROBOTS_FILE=/", "RobotsFile", "is a directory"},
			{"MODTIER_UPSTREAM=ftp://u:sesame@proxy.example", "Tiers.Upstream", "scheme"},
			{"MODTIER_UPSTREAM=http://localhost:3000", "Tiers.Upstream", "this gateway itself"},
		} {
			environ := strings.Fields(tt.environ)
			name, _, _ := strings.Cut(environ[0], "=")
			got := sayConfig(config.Options{Environ: environ}, "--check="+file)
			row := regexp.MustCompile(`(?m)^` + tt.key + ` +` + name + ` +refused .*` + regexp.QuoteMeta(tt.want))
			if got.err == nil || !row.MatchString(got.out) || strings.Contains(got.out, "sesame") {
				t.Errorf("%s: got %v and\n%s", tt.environ, got.err, got.out)
			}
			got = sayConfig(config.Options{File: file, Environ: environ})
			if got.err == nil || !strings.Contains(got.err.Error(), name+": "+tt.key) || !strings.Contains(got.err.Error(), tt.want) {
				t.Errorf("%s: got %v, want it said after the configuration too", tt.environ, got.err)
			}
		}
	})
	t.Run("and no file that is none", func(t *testing.T) {
		dir := t.TempDir()
		for file, want := range map[string]string{
			dir: "is a directory", filepath.Join(dir, "none"): "no such file",
			configFile(t, "Port = 1\n\x00"):                ":2:1: not TOML",
			configFile(t, strings.Repeat("#", 10<<20)):     "want at most",
			configFile(t, "Port = 1\nLogLevel = \"sesame"): ":2:",
		} {
			got := sayConfig(config.Options{}, "--check", file)
			if got.out != "" || got.err == nil || !strings.Contains(got.err.Error(), want) || !strings.Contains(got.err.Error(), file) {
				t.Errorf("got %v and %q, want %s: %s", got.err, got.out, file, want)
			}
		}
	})
}

func TestConfigTakesNothingElse(t *testing.T) {
	for _, args := range [][]string{{"x"}, {"--chekc", "x"}, {"--check"}, {"--check", ""}, {"--check", "a", "b"}} {
		if got := sayConfig(config.Options{}, args...); got.err == nil || got.out != "" {
			t.Errorf("%q: got %v and %q", args, got.err, got.out)
		}
	}
	if got := sayConfig(config.Options{File: "a"}, "--check", "b"); got.err == nil || got.out != "" {
		t.Errorf("two files: got %v and %q", got.err, got.out)
	}
}
