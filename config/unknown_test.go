package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestUnknownKeys(t *testing.T) {
	for _, tt := range []struct{ claim, content, want string }{
		{"a slip names the nearest key and the line", "\n[Tiers.Disk]\nSise = 1\n", ":3: unknown key Tiers.Disk.Sise; did you mean Tiers.Disk.Size?"},
		{"a key in the wrong table names the right one", "Upstream = \"off\"\n", ":1: unknown key Upstream; did you mean Tiers.Upstream?"},
		{"a key after a table's header too", "[Tiers.Disk]\nPort = 1\n", ":2: unknown key Tiers.Disk.Port; did you mean Port?"},
		{"nothing near names nothing", "Zzyzx = 1\n", ":1: unknown key Zzyzx"},
		{"a table of others is told apart", "[Their.Program]\nMode = 1\n", ":2: unknown key Their.Program.Mode"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			file := write(t, tt.content)
			_, warnings, err := Load(Options{File: file})
			if err != nil || !reflect.DeepEqual(warnings, []string{file + tt.want}) {
				t.Errorf("got %q, %v; want %q", warnings, err, file+tt.want)
			}
		})
	}
	t.Run("a value where a table belongs is an error", func(t *testing.T) {
		_, _, err := Load(Options{File: write(t, "Tiers = 1\n")})
		if err == nil || !strings.Contains(err.Error(), ":1: Tiers: want a table, as [Tiers]") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a table where a value belongs is an error", func(t *testing.T) {
		_, _, err := Load(Options{File: write(t, "[UnixSocket]\nPath = \"/x\"\n")})
		if err == nil || !strings.Contains(err.Error(), "UnixSocket") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a variable that looks like ours is a warning", func(t *testing.T) {
		_, warnings, err := Load(Options{File: write(t, ""), Environ: []string{"MODTIER_DISK_SISE=1", "OTHER=1"}})
		if want := []string{"unknown variable MODTIER_DISK_SISE; did you mean MODTIER_DISK_SIZE?"}; err != nil || !reflect.DeepEqual(warnings, want) {
			t.Errorf("got %q, %v; want %q", warnings, err, want)
		}
	})
	t.Run("the variables of a Kubernetes service are none of ours", func(t *testing.T) {
		load(t, Options{File: write(t, ""), Environ: []string{
			"MODTIER_SERVICE_HOST=10.0.0.1", "MODTIER_SERVICE_PORT_HTTP=80", "MODTIER_PORT=tcp://10.0.0.1:80", "MODTIER_PORT_80_TCP_ADDR=10.0.0.1",
		}})
	})
}

func TestUnknownKeysOfStores(t *testing.T) {
	for content, want := range map[string]string{
		"[Storage.S3]\nBuckets = \"b\"\n":       "unknown key Storage.S3.Buckets; did you mean Storage.S3.Bucket?",
		"[Storage.Mongo]\nDefaultDB = \"b\"\n":  "unknown key Storage.Mongo.DefaultDB; did you mean Storage.Mongo.DefaultDBName?",
		"[Tiers.Queue]\nWorker = 1\n":           "unknown key Tiers.Queue.Worker; did you mean Tiers.Queue.Workers?",
		"[Tiers.S3]\nEndpoint = \"http://x\"\n": "unknown key Tiers.S3.Endpoint; did you mean",
	} {
		file := write(t, content)
		_, warnings, err := Load(Options{File: file})
		if err != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0], file+":2: "+want) {
			t.Errorf("got %q, %v; want %q", warnings, err, want)
		}
	}
	_, warnings, err := Load(Options{File: write(t, ""), Environ: []string{"MODTIER_SERVE_PASSWORD=sesame", "MODTIER_SERVE_SERVICE_HOST=10.0.0.1"}})
	if want := []string{"unknown variable MODTIER_SERVE_PASSWORD; did you mean MODTIER_SERVE_PASS?"}; err != nil || !reflect.DeepEqual(warnings, want) {
		t.Errorf("got %q, %v; want %q", warnings, err, want)
	}
}

func TestUnhonouredKeys(t *testing.T) {
	t.Run("none that restricts is passed over", func(t *testing.T) {
		for _, r := range table() {
			if r.guards && r.as != honoured {
				t.Errorf("%s: to start without it would lift a restriction", r.key)
			}
		}
	})
	t.Run("Athens' default is silence", func(t *testing.T) {
		load(t, Options{File: write(t, "ForceSSL = false\nProtocolWorkers = 30\nEnablePprof = false\n")})
	})
	t.Run("keys of what is not chosen are silence", func(t *testing.T) {
		var content strings.Builder
		for _, r := range table() {
			if r.as == aside {
				content.WriteString(r.key + " = \"x\"\n")
			}
		}
		load(t, Options{File: write(t, content.String()), Environ: []string{"AWS_REGION=somewhere"}})
	})
	t.Run("parameters of an index may have any name", func(t *testing.T) {
		load(t, Options{File: write(t, "[Index.MySQL.Params]\nparseTime = \"true\"\n")})
	})
}
