package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// write makes a configuration file and returns its path.
func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "modtier.toml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// load reads a configuration that must be right and quiet.
func load(t *testing.T, o Options) *Config {
	t.Helper()
	c, warnings, err := Load(o)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	if len(warnings) > 0 {
		t.Errorf("got warnings %q, want none", warnings)
	}
	return c
}

// field returns the field of a key.
func field(t *testing.T, c *Config, key string) any {
	t.Helper()
	v := reflect.ValueOf(c).Elem()
	for name := range strings.SplitSeq(key, ".") {
		if v = v.FieldByName(name); !v.IsValid() {
			t.Fatalf("Config has no field for %s", key)
		}
	}
	return v.Interface()
}

// toml writes key = literal.
func toml(key, literal string) string {
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		return "[" + key[:i] + "]\n" + key[i+1:] + " = " + literal + "\n"
	}
	return key + " = " + literal + "\n"
}

// A sample is a key set in the file and, to something else, in a variable.
type sample struct {
	key      string
	literal  string // in the file
	fromFile any
	vars     string // all variables, the first wins
	value    string // of the variable
	fromVar  any
	also     []string // variables that the key cannot do without
}

func samples(t *testing.T) []sample {
	dir := t.TempDir()
	aFile, another := write(t, ""), write(t, "")
	cert := []string{"ATHENS_TLSCERT_FILE=c", "ATHENS_TLSKEY_FILE=k"}
	auth := []string{"BASIC_AUTH_USER=u", "BASIC_AUTH_PASS=p"}
	list := func(items ...string) []string { return items }
	const s, min, h = time.Second, time.Minute, time.Hour
	return []sample{
		{"Port", `":1"`, ":1", "ATHENS_ATHENS_PORT ATHENS_PORT PORT", "2", ":2", nil},
		{"UnixSocket", `"/f"`, "/f", "ATHENS_ATHENS_UNIX_SOCKET ATHENS_UNIX_SOCKET", "/e", "/e", nil},
		{"TLSCertFile", `"f"`, "f", "ATHENS_ATHENS_TLSCERT_FILE ATHENS_TLSCERT_FILE", "e", "e", cert[1:]},
		{"TLSKeyFile", `"f"`, "f", "ATHENS_ATHENS_TLSKEY_FILE ATHENS_TLSKEY_FILE", "e", "e", cert[:1]},
		{"BasicAuthUser", `"f"`, "f", "ATHENS_BASIC_AUTH_USER BASIC_AUTH_USER", "e", "e", auth[1:]},
		{"BasicAuthPass", `"f"`, "f", "ATHENS_BASIC_AUTH_PASS BASIC_AUTH_PASS", "e", "e", auth[:1]},
		{"PathPrefix", `"/f"`, "/f", "ATHENS_ATHENS_PATH_PREFIX ATHENS_PATH_PREFIX", "/e", "/e", nil},
		{"RobotsFile", `"f"`, "f", "ATHENS_ATHENS_ROBOTS_FILE ATHENS_ROBOTS_FILE", "e", "e", nil},
		{"LogLevel", `"debug"`, "debug", "ATHENS_ATHENS_LOG_LEVEL ATHENS_LOG_LEVEL", "warning", "warn", nil},
		{"LogFormat", `"json"`, "json", "ATHENS_ATHENS_LOG_FORMAT ATHENS_LOG_FORMAT", "plain", "plain", nil},
		{"CloudRuntime", `"gcp"`, "GCP", "ATHENS_ATHENS_CLOUD_RUNTIME ATHENS_CLOUD_RUNTIME", "none", "none", nil},
		{"StatsExporter", `""`, "none", "ATHENS_ATHENS_STATS_EXPORTER ATHENS_STATS_EXPORTER", "prometheus", "prometheus", nil},
		{"EnablePprof", "true", true, "ATHENS_ATHENS_ENABLE_PPROF ATHENS_ENABLE_PPROF", "false", false, nil},
		{"PprofPort", `":1"`, ":1", "ATHENS_ATHENS_PPROF_PORT ATHENS_PPROF_PORT", "2", ":2", nil},
		{"ProtocolWorkers", "7", 7, "ATHENS_ATHENS_PROTOCOL_WORKERS ATHENS_PROTOCOL_WORKERS", "8", 8, nil},
		{"GoEnv", `"staging"`, "staging", "ATHENS_GO_ENV GO_ENV", "test", "test", nil},
		{"Timeout", "10", 10 * s, "ATHENS_ATHENS_TIMEOUT ATHENS_TIMEOUT", "20", 20 * s, nil},
		{"StashTimeout", "10", 10 * s, "ATHENS_ATHENS_STASH_TIMEOUT ATHENS_STASH_TIMEOUT", "2m", 2 * min, nil},
		{"ShutdownTimeout", `"90s"`, 90 * s, "ATHENS_ATHENS_SHUTDOWN_TIMEOUT ATHENS_SHUTDOWN_TIMEOUT", "0", 0 * s, nil},
		{"NetworkMode", `"offline"`, "offline", "ATHENS_ATHENS_NETWORK_MODE ATHENS_NETWORK_MODE", "fallback", "fallback", nil},
		{"IndexType", `"disk"`, "disk", "ATHENS_ATHENS_INDEX_TYPE ATHENS_INDEX_TYPE", "memory", "memory", nil},
		{"GoBinary", `"f"`, "f", "ATHENS_GO_BINARY_PATH GO_BINARY_PATH", "e", "e", nil},
		{"GoBinaryEnvVars", `["A=1,2", "B=;"]`, list("A=1,2", "B=;"),
			"ATHENS_ATHENS_GO_BINARY_ENV_VARS ATHENS_GO_BINARY_ENV_VARS", "C=3,4; D=5=6", list("C=3,4", "D=5=6"), nil},
		{"GoGetWorkers", "1", 1, "ATHENS_ATHENS_GOGET_WORKERS ATHENS_GOGET_WORKERS", "99", 99, nil},
		{"GoGetDir", `"/f"`, "/f", "ATHENS_ATHENS_GOGET_DIR ATHENS_GOGET_DIR", "/e", "/e", nil},
		{"NETRCPath", `"` + aFile + `"`, aFile, "ATHENS_ATHENS_NETRC_PATH ATHENS_NETRC_PATH", another, another, nil},
		{"HGRCPath", `"` + aFile + `"`, aFile, "ATHENS_ATHENS_HGRC_PATH ATHENS_HGRC_PATH", another, another, nil},
		{"GithubToken", `"f"`, "f", "ATHENS_ATHENS_GITHUB_TOKEN ATHENS_GITHUB_TOKEN", "e", "e", nil},
		{"SumDBs", `["https://f.example"]`, list("https://f.example"),
			"ATHENS_ATHENS_SUM_DBS ATHENS_SUM_DBS", "https://e.example, https://d.example",
			list("https://e.example", "https://d.example"), nil},
		{"NoSumPatterns", `["f.example/*"]`, list("f.example/*"),
			"ATHENS_ATHENS_GONOSUM_PATTERNS ATHENS_GONOSUM_PATTERNS", "e.example/*,d.example", list("e.example/*", "d.example"), nil},
		{"TraceExporter", `"otlp"`, "otlp", "ATHENS_ATHENS_TRACE_EXPORTER ATHENS_TRACE_EXPORTER", "none", "", nil},
		{"TraceExporterURL", `"http://f:4317"`, "http://f:4317", "ATHENS_ATHENS_TRACE_EXPORTER_URL ATHENS_TRACE_EXPORTER_URL", "http://e:4318", "http://e:4318", nil},
		{"TraceSamplingFraction", "0.5", 0.5, "ATHENS_ATHENS_TRACE_SAMPLING_FRACTION ATHENS_TRACE_SAMPLING_FRACTION", "0.25", 0.25, nil},
		{"Tiers.Traces.Upstream", "true", true, "MODTIER_TRACES_UPSTREAM", "false", false, nil},
		{"ForceSSL", "true", true, "ATHENS_PROXY_FORCE_SSL PROXY_FORCE_SSL", "false", false, nil},
		{"FilterFile", `"f"`, "f", "ATHENS_ATHENS_FILTER_FILE ATHENS_FILTER_FILE", "e", "e", nil},
		{"GlobalEndpoint", `"http://f"`, "http://f", "ATHENS_ATHENS_GLOBAL_ENDPOINT ATHENS_GLOBAL_ENDPOINT", "http://e/x", "http://e/x", nil},
		{"ValidatorHook", `"http://f"`, "http://f", "ATHENS_ATHENS_PROXY_VALIDATOR ATHENS_PROXY_VALIDATOR", "http://u:p@e?x", "http://u:p@e?x", nil},
		{"DownloadMode", `"none"`, "none", "ATHENS_ATHENS_DOWNLOAD_MODE ATHENS_DOWNLOAD_MODE", "file:/e", "file:/e", nil},
		{"DownloadURL", `"http://f"`, "http://f", "ATHENS_ATHENS_DOWNLOAD_URL ATHENS_DOWNLOAD_URL", "http://e", "http://e", nil},
		{"HomeTemplatePath", `"f"`, "f", "ATHENS_ATHENS_HOME_TEMPLATE_PATH ATHENS_HOME_TEMPLATE_PATH", "e", "e", nil},
		{"StorageType", `"disk"`, "disk", "ATHENS_ATHENS_STORAGE_TYPE ATHENS_STORAGE_TYPE", "memory", "memory",
			list("ATHENS_DISK_STORAGE_ROOT=" + dir)},
		{"Storage.Disk.RootPath", `"/f"`, "/f",
			"ATHENS_STORAGE_DISK_ATHENS_DISK_STORAGE_ROOT ATHENS_DISK_STORAGE_ROOT", "/e", "/e", nil},
		{"Tiers.Write", `"through"`, "through", "MODTIER_WRITE", "none", "none", nil},
		{"Tiers.Queue.Workers", "1", 1, "MODTIER_QUEUE_WORKERS", "99", 99, nil},
		{"Tiers.Queue.Size", `"1MiB"`, int64(1 << 20), "MODTIER_QUEUE_SIZE", "0", int64(0), nil},
		{"Tiers.Queue.Age", `"10m"`, 10 * min, "MODTIER_QUEUE_AGE", "0", 0 * s, nil},
		{"Tiers.Health.Timeout", `"1s"`, s, "MODTIER_HEALTH_TIMEOUT", "2s", 2 * s, nil},
		{"Tiers.Health.Probe", `"1s"`, s, "MODTIER_HEALTH_PROBE", "2m", 2 * min, nil},
		{"Tiers.Serve.Listen", `":4000"`, ":4000", "MODTIER_SERVE_LISTEN", "4001", ":4001", list("MODTIER_SERVE_USER=u", "MODTIER_SERVE_PASS=p")},
		{"Tiers.Serve.User", `"f"`, "f", "MODTIER_SERVE_USER", "e", "e", list("MODTIER_SERVE_PASS=p")},
		{"Tiers.Serve.Pass", `"f"`, "f", "MODTIER_SERVE_PASS", "e", "e", list("MODTIER_SERVE_USER=u")},
		{"Tiers.Serve.TLSCertFile", `"f"`, "f", "MODTIER_SERVE_TLSCERTFILE", "e", "e", list("MODTIER_SERVE_TLSKEYFILE=k")},
		{"Tiers.Serve.TLSKeyFile", `"f"`, "f", "MODTIER_SERVE_TLSKEYFILE", "e", "e", list("MODTIER_SERVE_TLSCERTFILE=c")},
		{"Tiers.Stack", `["disk"]`, list("disk"), "MODTIER_STACK", "memory, disk", list("memory", "disk"), nil},
		{"Tiers.Upstream", `"https://f.example"`, "https://f.example", "MODTIER_UPSTREAM", "https://e.example|direct", "https://e.example|direct", nil},
		{"Tiers.Memory.Size", `"1MiB"`, int64(1 << 20), "MODTIER_MEMORY_SIZE", "2MB", int64(2e6), nil},
		{"Tiers.Disk.Path", `"/f"`, "/f", "MODTIER_DISK_PATH", "/e", "/e", nil},
		{"Tiers.Disk.Size", "12345", int64(12345), "MODTIER_DISK_SIZE", "1TiB", int64(1 << 40), nil},
		{"Tiers.Disk.Free", "0", int64(0), "MODTIER_DISK_FREE", "1GiB", int64(1 << 30), nil},
		{"Tiers.Answers.Fresh", `"1s"`, s, "MODTIER_ANSWERS_FRESH", "2s", 2 * s, nil},
		{"Tiers.Answers.Revalidate", `"1m"`, min, "MODTIER_ANSWERS_REVALIDATE", "2m", 2 * min, nil},
		{"Tiers.Answers.Stale", `"1h"`, h, "MODTIER_ANSWERS_STALE", "2h", 2 * h, nil},
		{"Tiers.Answers.Negative", `"1s"`, s, "MODTIER_ANSWERS_NEGATIVE", "0", 0 * s, nil},
	}
}

func TestSources(t *testing.T) {
	have := make(map[string]bool)
	for _, s := range slices.Concat(samples(t), storeSamples(t), lockSamples(t)) {
		have[s.key] = true
		check := func(t *testing.T, o Options, want any) {
			t.Helper()
			o.Environ = append(o.Environ, s.also...)
			if got := field(t, load(t, o), s.key); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %#v, want %#v", s.key, got, want)
			}
		}
		file := write(t, toml(s.key, s.literal))
		vars := strings.Fields(s.vars)

		t.Run(s.key+": the file sets it", func(t *testing.T) {
			check(t, Options{File: file}, s.fromFile)
		})
		t.Run(s.key+": keys of the file have no case", func(t *testing.T) {
			check(t, Options{File: write(t, toml(strings.ToUpper(s.key), s.literal))}, s.fromFile)
			check(t, Options{File: write(t, toml(strings.ToLower(s.key), s.literal))}, s.fromFile)
		})
		for i, name := range vars {
			env := []string{name + "=" + s.value}
			t.Run(s.key+": "+name+" sets it", func(t *testing.T) {
				check(t, Options{File: write(t, ""), Environ: env}, s.fromVar)
			})
			t.Run(s.key+": "+name+" beats the file", func(t *testing.T) {
				check(t, Options{File: file, Environ: env}, s.fromVar)
			})
			for _, weaker := range vars[i+1:] {
				t.Run(s.key+": "+name+" beats "+weaker, func(t *testing.T) {
					check(t, Options{File: file, Environ: append([]string{weaker + "=!"}, env...)}, s.fromVar)
				})
			}
		}
	}
	t.Run("every key has its sample here", func(t *testing.T) {
		for _, k := range Keys() {
			if !have[k.Name] {
				t.Errorf("%s: none", k.Name)
			}
		}
	})
}
