package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDefaults(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CACHE_HOME", "/var/cache")
	t.Setenv("ATHENS_PORT", ":9999") // Options.Environ counts, not this process's
	c := load(t, Options{})

	want := &Config{
		GoEnv: "development", GoBinary: "go", ProtocolWorkers: 256, GoGetWorkers: 10, CloudRuntime: "none", StatsExporter: "prometheus", PprofPort: ":3001", LogLevel: "info", LogFormat: "plain", RobotsFile: "robots.txt",
		Timeout: 5 * time.Minute, StashTimeout: 10 * time.Minute, ShutdownTimeout: time.Minute,
		StorageType: "memory", Port: ":3000",
	}
	want.Tiers.Stack = []string{"memory", "disk"}
	want.Tiers.Write = "back"
	want.Tiers.Memory.Size = 256 << 20
	want.Tiers.Disk.Path = "/var/cache/modtier"
	want.Tiers.Disk.Size = 10 << 30
	want.Tiers.Disk.Free = 512 << 20
	want.Tiers.Queue.Workers = 8
	want.Tiers.Queue.Size = 2 << 30
	want.Tiers.Queue.Age = time.Hour
	want.Tiers.Health.Timeout = 5 * time.Second
	want.Tiers.Health.Probe = 10 * time.Second
	want.Storage.Mongo.DefaultDBName = "athens"
	want.Storage.Mongo.DefaultCollectionName = "modules"
	want.Tiers.Answers.Fresh = time.Minute
	want.Tiers.Answers.Revalidate = 10 * time.Minute
	want.Tiers.Answers.Stale = 7 * 24 * time.Hour
	want.Tiers.Answers.Negative = 30 * time.Second
	want.GlobalEndpoint = "http://localhost:3001"
	want.DownloadMode = "sync"
	want.HomeTemplatePath = "/var/lib/athens/home.html"
	want.IndexType = "none"
	want.SingleFlightType = "memory"
	want.TraceExporterURL = "http://localhost:4317"
	want.TraceSamplingFraction = 1
	want.SingleFlight.Etcd.Endpoints = "localhost:2379,localhost:22379,localhost:32379"
	want.SingleFlight.Redis.Endpoint = "127.0.0.1:6379"
	want.SingleFlight.Redis.LockConfig = LockConfig{TTL: 15 * time.Minute, Timeout: 15 * time.Second, MaxRetries: 10}
	want.SingleFlight.RedisSentinel.Endpoints = []string{"127.0.0.1:26379"}
	want.SingleFlight.RedisSentinel.MasterName = "redis-1"
	want.SingleFlight.RedisSentinel.SentinelPassword = "sekret"
	want.SingleFlight.RedisSentinel.LockConfig = want.SingleFlight.Redis.LockConfig
	want.SingleFlight.GCP.StaleThreshold = 2 * time.Minute
	want.Tiers.Locks.Lease = 15 * time.Second
	want.Tiers.Locks.Wait = 10 * time.Second
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestFlags(t *testing.T) {
	file := write(t, "Port = \":1\"\nUnixSocket = \"/f\"\n[Tiers]\nUpstream = \"off\"\n")
	env := []string{"ATHENS_PORT=2", "ATHENS_UNIX_SOCKET=/e", "MODTIER_UPSTREAM=direct"}
	t.Run("flags beat environment and file, a socket too", func(t *testing.T) {
		c := load(t, Options{File: file, Environ: env, Listen: "localhost:4", Upstream: "https://a.example"})
		if network, address := c.Listen(); network != "tcp" || address != "localhost:4" {
			t.Errorf("Listen() = %s, %s; want tcp, localhost:4", network, address)
		}
		if c.Tiers.Upstream != "https://a.example" {
			t.Errorf("Upstream = %q", c.Tiers.Upstream)
		}
	})
	t.Run("a bare number is a port", func(t *testing.T) {
		if c := load(t, Options{File: file, Listen: "4"}); c.Port != ":4" {
			t.Errorf("Port = %q, want :4", c.Port)
		}
	})
	t.Run("a socket beats a port otherwise", func(t *testing.T) {
		if network, address := load(t, Options{File: file, Environ: env}).Listen(); network != "unix" || address != "/e" {
			t.Errorf("Listen() = %s, %s; want unix, /e", network, address)
		}
	})
	t.Run("a wrong flag is named", func(t *testing.T) {
		_, _, err := Load(Options{File: file, Listen: "nowhere"})
		if err == nil || !strings.HasPrefix(err.Error(), `--listen: Port = "nowhere": want a port`) {
			t.Errorf("got %v", err)
		}
	})
}

func TestEnviron(t *testing.T) {
	t.Run("of two variables of a name the first counts", func(t *testing.T) {
		if c := load(t, Options{File: write(t, ""), Environ: []string{"PORT=8", "PORT=9"}}); c.Port != ":8" {
			t.Errorf("Port = %q, want :8", c.Port)
		}
	})
}

func TestEmptyVariables(t *testing.T) {
	t.Run("count as unset", func(t *testing.T) {
		var environ []string
		for _, r := range table() {
			for _, name := range r.vars() {
				if !r.blank {
					environ = append(environ, name+"=")
				}
			}
		}
		file := write(t, "")
		if got, want := load(t, Options{File: file, Environ: environ}), load(t, Options{File: file}); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Run("let the next name speak", func(t *testing.T) {
		if c := load(t, Options{File: write(t, ""), Environ: []string{"ATHENS_PORT=", "PORT=8"}}); c.Port != ":8" {
			t.Errorf("Port = %q, want :8", c.Port)
		}
	})
	t.Run("clear what Athens lets them clear", func(t *testing.T) {
		file := write(t, "SumDBs = [\"https://f.example\"]\nPathPrefix = \"/f\"\nRobotsFile = \"f\"\n")
		c := load(t, Options{File: file, Environ: []string{"ATHENS_SUM_DBS=", "ATHENS_PATH_PREFIX=", "ATHENS_ROBOTS_FILE="}})
		if c.SumDBs == nil || len(c.SumDBs) != 0 {
			t.Errorf("SumDBs = %#v, want empty but not nil", c.SumDBs)
		}
		if c.PathPrefix != "" || c.RobotsFile != "" {
			t.Errorf("PathPrefix = %q, RobotsFile = %q; want both empty", c.PathPrefix, c.RobotsFile)
		}
	})
	t.Run("do not lift a restriction, and say so", func(t *testing.T) {
		file := write(t, "BasicAuthUser = \"u\"\nBasicAuthPass = \"sesame\"\nNoSumPatterns = [\"f.example\"]\n")
		c, warnings, err := Load(Options{File: file, Environ: []string{"BASIC_AUTH_USER=", "BASIC_AUTH_PASS=", "ATHENS_GONOSUM_PATTERNS="}})
		if err != nil {
			t.Fatal(err)
		}
		if c.BasicAuthUser != "u" || c.BasicAuthPass != "sesame" || len(c.NoSumPatterns) != 1 {
			t.Errorf("got %+v", c)
		}
		all := strings.Join(warnings, "\n")
		for _, name := range []string{"BASIC_AUTH_USER", "BASIC_AUTH_PASS", "ATHENS_GONOSUM_PATTERNS"} {
			if !strings.Contains(all, name+" is set but empty") {
				t.Errorf("no word on %s in %q", name, warnings)
			}
		}
		if strings.Contains(all, "sesame") {
			t.Errorf("a secret in %q", warnings)
		}
	})
	t.Run("an empty text in the file counts as unset", func(t *testing.T) {
		c := load(t, Options{File: write(t, "Port = \"\"\nNetworkMode = \"\"\nGoBinary = \"\"\nRobotsFile = \"\"\n[Tiers.Disk]\nSize = \"\"\n")})
		if c.Port != ":3000" || c.GoBinary != "go" || c.RobotsFile != "" || c.Tiers.Disk.Size != 10<<30 {
			t.Errorf("got %+v", c)
		}
	})
}
