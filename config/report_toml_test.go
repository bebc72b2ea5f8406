package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// resolved returns what a report writes, and the same with blanks taken for one.
func resolved(t *testing.T, r *Report) (text, plain string) {
	t.Helper()
	var b strings.Builder
	if err := r.WriteTOML(&b); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		plain += strings.Join(strings.Fields(line), " ") + "\n"
	}
	return b.String(), plain
}

func TestResolvedNamesWhoSetWhat(t *testing.T) {
	file := write(t, `LogLevel = "warning"
Timeout = "90s"
StashTimeout = 1500
BasicAuthUser = "ci@example"
BasicAuthPass = "sesame"
SumDBs = ["https://a.example", "https://u:sesame@b.example"]
IndexType = "memory"
SingleFlightType = "redis"
StorageType = "mongo"
[SingleFlight.Redis.LockConfig]
Timeout = 3
[Storage.Mongo]
URL = "mongodb://u:sesame@m.example"
Insecure = true
[Storage.External]
URL = "MY_URL"
[Tiers.Disk]
Path = "/a\t\"b\"\u007f\\"
Size = 1000
Free = "1.5GiB"
[Tiers.Queue]
Size = 0
[Index.MySQL]
Host = "db.example"
`)
	r := survey(t, Options{File: file, Environ: []string{
		"ATHENS_TIMEOUT=1500ms", "ATHENS_STORAGE_MONGO_ATHENS_MONGO_DEFAULT_DATABASE=mine", "ATHENS_PATH_PREFIX=", "PORT=9", "ATHENS_DOWNLOAD_MODE=none",
	}, Upstream: "https://sesame@proxy.example"})
	text, plain := resolved(t, r)
	for _, want := range []string{
		`Port = ":9" # PORT`,
		`# UnixSocket is not set`,
		`PathPrefix = "" # ATHENS_PATH_PREFIX`,
		`LogLevel = "warn" # FILE:1`,
		`LogFormat = "plain" # default`,
		`Timeout = "1.5s" # ATHENS_TIMEOUT`,
		`StashTimeout = 1500 # FILE:3`,
		`BasicAuthUser = "ci@example" # FILE:4`,
		`# BasicAuthPass is set # FILE:5`,
		`# SumDBs = ["https://a.example", "***@b.example"] # FILE:6`,
		`IndexType = "memory" # FILE:7`,
		`# GoBinaryEnvVars is not set`,
		`DownloadMode = "none" # ATHENS_DOWNLOAD_MODE`,

		`[Storage.Mongo]`,
		`# URL is set # FILE:13`,
		`# DefaultDBName = "mine" # ATHENS_STORAGE_MONGO_ATHENS_MONGO_DEFAULT_DATABASE`,
		`InsecureConn = true # derived`,
		`# Insecure is set, for another key # FILE:14`,
		`[Storage.External]`,
		`# URL has a value that is wrong, and left out # FILE:16`,
		`[SingleFlight.Redis]`,
		`# Endpoint is set # default`,
		`[Tiers]`,
		`Stack = ["memory", "disk", "mongo"] # derived`,
		`# Upstream is set # --upstream`,
		`[Tiers.Disk]`,
		`Path = "/a\U00000009\"b\"\U0000007F\\" # FILE:18`,
		`Size = 1000 # FILE:19`,
		`# Free has a value that is wrong, and left out # FILE:20`,
		`Size = 0 # FILE:22`,
		`Wait = "3s" # derived`,
		`Stale = "168h" # default`,

		`[Index.MySQL]`,
		`# Host has no effect # FILE:24`,
		`Revalidate = "10m" # default`,
	} {
		if want = strings.ReplaceAll(want, "FILE", file); !strings.Contains(plain, "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, "sesame") || strings.Contains(text, "sekret") {
		t.Error("a secret is shown")
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestResolvedHasEveryKey(t *testing.T) {
	text, _ := resolved(t, survey(t, Options{File: write(t, "")}))
	path := ""
	have := make(map[string]bool)
	for line := range strings.Lines(text) {
		if header, ok := strings.CutPrefix(line, "["); ok {
			path = strings.TrimSuffix(header, "]\n") + "."
			continue
		}
		if words := strings.Fields(strings.TrimPrefix(line, "# ")); len(words) > 0 {
			have[path+words[0]] = true
		}
	}
	for _, k := range Keys() {
		if !have[k.Name] {
			t.Errorf("%s is missing", k.Name)
		}
	}
}

// What is written, with the secrets and what no file sets by their variables, is the
// same configuration.
func TestResolvedCanBeFedBack(t *testing.T) {
	varsOnly := make(map[string]bool)
	for _, r := range table() {
		for _, name := range r.vars() {
			varsOnly[name] = varsOnly[name] || r.secret || r.nofile
		}
	}
	for name, o := range everySample(t) {
		key, _, _ := strings.Cut(name, " by ")
		if byID()[strings.ToLower(key)].secret && strings.HasSuffix(name, " by the file") {
			continue // nobody gives it back
		}
		want, _, err := Load(o)
		if err != nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			text, _ := resolved(t, survey(t, o))
			again := Options{File: write(t, text), Upstream: o.Upstream}
			for _, pair := range o.Environ {
				if name, _, _ := strings.Cut(pair, "="); varsOnly[name] {
					again.Environ = append(again.Environ, pair)
				}
			}
			got, warnings, err := Load(again)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
			}
			for _, w := range warnings {
				if !strings.Contains(w, "Athens ignores it in a file") {
					t.Errorf("got warning %s", w)
				}
			}
		})
	}
}

// No secret shows in any report, nor how long it is, whether it is right, wrong
// or of no use.
func TestReportsShowNoSecrets(t *testing.T) {
	every := strings.Join(append([]string{"disk"}, stores()...), ",")
	forms := []string{"SECRET", "https://u:SECRET@x.example", "mongodb://u:SECRET@x.example/SECRET"}
	dir := t.TempDir()
	for _, row := range table() {
		if !row.secret {
			continue
		}
		t.Run(row.key, func(t *testing.T) {
			file := filepath.Join(dir, row.key)
			for _, form := range forms {
				for _, stack := range []string{"disk", every} {
					environ := []string{"MODTIER_STACK=" + stack}
					short := strings.ReplaceAll(form, "SECRET", "openSesame-openSesame")
					long := strings.ReplaceAll(form, "SECRET", "openSesame-openSesame-openSesame-Sesame")
					byFile := func(secret string) string {
						return everything(t, Options{File: put(t, file, toml(row.key, `"`+secret+`"`)), Environ: environ})
					}
					byVariable := func(secret string) string {
						name := row.vars()[len(row.vars())-1]
						return everything(t, Options{File: put(t, file, ""), Environ: append(environ, name+"="+secret)})
					}
					for _, said := range []func(string) string{byFile, byVariable} {
						a, b := said(short), said(long)
						if strings.Contains(strings.ToLower(a), "sesame") {
							t.Fatalf("a secret in\n%s", a)
						}
						if a != b {
							t.Fatalf("a longer secret reads otherwise:\n%s\n%s", a, b)
						}
						if _, name := cutName(row.key); !strings.Contains(a, name) {
							t.Fatalf("no word of the key in\n%s", a)
						}
					}
				}
			}
		})
	}
}

// everything returns all that is written about a configuration.
func everything(t *testing.T, o Options) string {
	t.Helper()
	r := survey(t, o)
	text, _ := resolved(t, r)
	var b strings.Builder
	if err := WriteEntries(&b, r.Entries()); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(text, b.String(), r.Warnings, r.Err)
}

// put writes a file and returns its path.
func put(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
