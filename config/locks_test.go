package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLockTypes(t *testing.T) {
	withType := func(name, vars string) Options {
		return Options{File: write(t, ""), Environ: environ(append(strings.Fields(vars), "ATHENS_SINGLE_FLIGHT_TYPE="+name)...)}
	}
	for _, name := range lockStores() {
		for _, how := range []string{"ATHENS_STORAGE_TYPE=" + name, "MODTIER_STACK=disk,external," + name} {
			t.Run("locks may lie in "+name+" with "+how, func(t *testing.T) {
				if c := load(t, withType(strings.ToUpper(name), how)); c.SingleFlightType != name {
					t.Errorf("got %s", c.SingleFlightType)
				}
			})
		}
		t.Run("they do not lie in "+name+" if it is not in the stack", func(t *testing.T) {
			for how, stack := range map[string]string{
				"":                             "Tiers.Stack (MODTIER_STACK)",
				"ATHENS_STORAGE_TYPE=external": "Tiers.Stack (MODTIER_STACK)",
				"MODTIER_STACK=disk,external":  `MODTIER_STACK: Tiers.Stack = "disk,external"`,
			} {
				_, _, err := Load(withType(name, how))
				wantOne(t, err, `ATHENS_SINGLE_FLIGHT_TYPE: SingleFlightType = "`+name+`": its locks lie in the store `+name+", which is not in "+stack+"; want it there")
			}
		})
	}
	for stack, want := range map[string]string{
		"disk,minio,s3": "s3", "disk,s3,minio": "minio", "disk,gcp": "gcp", "disk,mongo,external": "mongo", "memory,disk,s3,azureblob,external": "azureblob",
	} {
		t.Run("store is the slowest that can, in "+stack, func(t *testing.T) {
			if c := load(t, withType("store", "MODTIER_STACK="+stack)); c.SingleFlightType != want {
				t.Errorf("got %s, want %s", c.SingleFlightType, want)
			}
		})
	}
	root := t.TempDir()
	for claim, vars := range map[string]string{
		"nowhere without a store": "", "not in an external one": "ATHENS_STORAGE_TYPE=external",
		"not on a disk": "ATHENS_STORAGE_TYPE=disk ATHENS_DISK_STORAGE_ROOT=" + root,
	} {
		t.Run("store is "+claim, func(t *testing.T) {
			_, _, err := Load(withType("store", vars))
			wantOne(t, err, `SingleFlightType = "store": there is no store in Tiers.Stack (MODTIER_STACK) that can hold locks; want one of mongo, gcp, minio, s3, azureblob there`)
		})
	}
	t.Run("a type that is wrong, or a stack, is one error", func(t *testing.T) {
		_, _, err := Load(withType("zookeeper", "MODTIER_PEERS_URL=http://p.example MODTIER_PEERS_SECRET=0123456789abcdef"))
		wantOne(t, err, `SingleFlightType = "zookeeper": want one of`)
		_, _, err = Load(withType("gcp", "ATHENS_STORAGE_TYPE=gcs"))
		wantOne(t, err, "StorageType")
	})
	t.Run("locks of a service go with every stack", func(t *testing.T) {
		for _, name := range []string{"etcd", "redis", "redis-sentinel"} {
			load(t, withType(name, "ATHENS_STORAGE_TYPE=disk ATHENS_DISK_STORAGE_ROOT="+root))
			load(t, withType(name, "ATHENS_STORAGE_TYPE=external"))
			load(t, withType(name, "MODTIER_PEERS_URL=http://p.example MODTIER_PEERS_SECRET=0123456789abcdef"))
		}
	})
	t.Run("locks that help nobody are a warning", func(t *testing.T) {
		for _, vars := range []string{"", "ATHENS_STORAGE_TYPE=s3 MODTIER_WRITE=none"} {
			_, warnings, err := Load(withType("redis", vars))
			want := `ATHENS_SINGLE_FLIGHT_TYPE: SingleFlightType = "redis": instances wait for each other, but none can read what another fetched`
			if err != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0], want) {
				t.Errorf("got %q, %v; want %s", warnings, err, want)
			}
		}
	})
	t.Run("peers without locks are a warning", func(t *testing.T) {
		_, warnings, err := Load(withType("memory", "MODTIER_PEERS_URL=http://p.example MODTIER_PEERS_SECRET=0123456789abcdef"))
		want := "MODTIER_PEERS_URL: Tiers.Peers.URL: has no effect while SingleFlightType (ATHENS_SINGLE_FLIGHT_TYPE) is memory"
		if err != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0], want) {
			t.Errorf("got %q, %v; want %s", warnings, err, want)
		}
	})
}

func TestLockChecks(t *testing.T) {
	dir := t.TempDir()
	pem := filepath.Join(dir, "a.pem")
	if err := os.WriteFile(pem, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const redis, key = "SingleFlight.Redis.Endpoint: ", "0123456789abcdef"
	for _, tt := range []struct{ claim, environ, want string }{
		{"a server of etcd has a port", "etcd ATHENS_ETCD_ENDPOINTS=e.example", `ATHENS_ETCD_ENDPOINTS: SingleFlight.Etcd.Endpoints: want servers as "host:2379"`},
		{"a server of etcd has no credentials", "etcd ATHENS_ETCD_ENDPOINTS=https://u:sesame@e:1", "SingleFlight.Etcd.Endpoints: want servers"},
		{"to etcd TLS is for all", "etcd ATHENS_ETCD_ENDPOINTS=e:1,https://f:1", "want https:// before each server, or before none"},
		{"etcd may be asked with TLS", "etcd ATHENS_ETCD_ENDPOINTS=https://e:1,https://f:1 MODTIER_LOCKS_ETCDCA=" + pem, ""},
		{"a certificate is enough for TLS", "etcd ATHENS_ETCD_ENDPOINTS=e:1 MODTIER_LOCKS_ETCDCERT=" + pem + " MODTIER_LOCKS_ETCDKEY=" + pem, ""},
		{"TLS is not plain HTTP", "etcd ATHENS_ETCD_ENDPOINTS=e:1,http://f:1 MODTIER_LOCKS_ETCDCA=" + pem,
			`SingleFlight.Etcd.Endpoints: http:// beside MODTIER_LOCKS_ETCDCA: Tiers.Locks.EtcdCA = "` + pem + `" would go without TLS; want https://`},
		{"an authority is a file", "etcd MODTIER_LOCKS_ETCDCA=" + dir, "Tiers.Locks.EtcdCA = \"" + dir + "\": want a file that exists"},
		{"a certificate is there", "etcd MODTIER_LOCKS_ETCDKEY=" + pem + " MODTIER_LOCKS_ETCDCERT=" + dir + "/none", "Tiers.Locks.EtcdCert = \"" + dir + "/none\": want a file that exists"},
		{"a certificate's key is there", "etcd MODTIER_LOCKS_ETCDCERT=" + pem + " MODTIER_LOCKS_ETCDKEY=" + dir + "/none", "Tiers.Locks.EtcdKey = \"" + dir + "/none\": want a file that exists"},
		{"a certificate has its key", "etcd MODTIER_LOCKS_ETCDCERT=" + pem, "set without Tiers.Locks.EtcdKey (MODTIER_LOCKS_ETCDKEY); want both or neither"},
		{"a key has its certificate", "etcd MODTIER_LOCKS_ETCDKEY=" + pem, "set without Tiers.Locks.EtcdCert (MODTIER_LOCKS_ETCDCERT)"},
		{"a user of etcd has a password", "etcd MODTIER_LOCKS_ETCDUSER=u", "set without Tiers.Locks.EtcdPassword (MODTIER_LOCKS_ETCDPASSWORD)"},
		{"a password of etcd has a user", "etcd MODTIER_LOCKS_ETCDPASSWORD=sesame", "MODTIER_LOCKS_ETCDPASSWORD: Tiers.Locks.EtcdPassword: set without Tiers.Locks.EtcdUser (MODTIER_LOCKS_ETCDUSER)"},
		{"etcd may have both", "etcd MODTIER_LOCKS_ETCDUSER=u MODTIER_LOCKS_ETCDPASSWORD=sesame", ""},

		{"Redis has a port", "redis ATHENS_REDIS_ENDPOINT=r.example", redis + `want "host:6379", or a URL`},
		{"Redis has a host", "redis ATHENS_REDIS_ENDPOINT=redis://:sesame@:6379", redis + "want"},
		{"Redis speaks no HTTP", "redis ATHENS_REDIS_ENDPOINT=http://:sesame@r:1", redis + "want"},
		{"a password with a slash is no path", "redis ATHENS_REDIS_ENDPOINT=redis://u:12/sesame@r:1", redis + "want"},
		{"a database is a number", "redis ATHENS_REDIS_ENDPOINT=redis://r:1/sesame", redis + "want"},
		{"a URL of Redis needs no port", "redis ATHENS_REDIS_ENDPOINT=rediss://u:sesame@r.example/3?skip_verify=true", ""},
		{"a password may hold a comma", "redis ATHENS_REDIS_ENDPOINT=redis://:ses,ame@r:1", ""},
		{"a list is of a cluster", "redis ATHENS_REDIS_ENDPOINT=r:1,s:2", redis + `want "host:6379", or a URL as "redis://host:6379" or "rediss://:password@host:6379/0"; a list of them only with true for SingleFlight.Redis.Cluster (ATHENS_REDIS_CLUSTER)`},
		{"a cluster is a list", "redis ATHENS_REDIS_CLUSTER=true ATHENS_REDIS_ENDPOINT=r:1,s:2", ""},
		{"a cluster may be found by one", "redis ATHENS_REDIS_CLUSTER=true ATHENS_REDIS_ENDPOINT=r:1", ""},
		{"nobody is no cluster", "redis ATHENS_REDIS_CLUSTER=true ATHENS_REDIS_ENDPOINT=,", redis + "want one server or more"},
		{"the first of a cluster speaks for all", "redis ATHENS_REDIS_CLUSTER=true ATHENS_REDIS_ENDPOINT=rediss://:sesame@r:1,s:2,redis://t:3", ""},
		{"the others may say the same", "redis ATHENS_REDIS_CLUSTER=true ATHENS_REDIS_ENDPOINT=rediss://u:sesame@r:1,rediss://u:sesame@s:2", ""},
		{"not the others for TLS", "redis ATHENS_REDIS_CLUSTER=true ATHENS_REDIS_ENDPOINT=r:1,rediss://s:2", redis + "item 2 has TLS, a user or a password that the first has not"},
		{"nor for a user", "redis ATHENS_REDIS_CLUSTER=true ATHENS_REDIS_ENDPOINT=redis://u:sesame@r:1,redis://v:sesame@s:2", redis + "item 2 has"},
		{"nor for a password", "redis ATHENS_REDIS_CLUSTER=true ATHENS_REDIS_ENDPOINT=r:1,s:1,redis://:sesame@s:2", redis + "item 3 has"},
		{"a list that may be of a cluster waits for that", "redis ATHENS_REDIS_CLUSTER=sesam ATHENS_REDIS_ENDPOINT=r:1,s:2", `SingleFlight.Redis.Cluster = "sesam": want true or false`},
		{"passwords differ", "redis ATHENS_REDIS_ENDPOINT=redis://:open_sesame@r:1 ATHENS_REDIS_PASSWORD=sesame",
			"ATHENS_REDIS_ENDPOINT: SingleFlight.Redis.Endpoint: its password is not that of ATHENS_REDIS_PASSWORD: SingleFlight.Redis.Password; want one of them, or both the same"},
		{"passwords differ in a cluster", "redis ATHENS_REDIS_CLUSTER=1 ATHENS_REDIS_ENDPOINT=redis://:open_sesame@r:1,s:2 ATHENS_REDIS_PASSWORD=sesame", redis + "its password is not that of"},
		{"passwords may be equal", "redis ATHENS_REDIS_ENDPOINT=redis://:%40sesame@r:1 ATHENS_REDIS_PASSWORD=@sesame", ""},
		{"one password is enough", "redis ATHENS_REDIS_ENDPOINT=rediss://u@r:1 ATHENS_REDIS_PASSWORD=sesame", ""},
		{"a lock is held for some time", "redis ATHENS_REDIS_LOCK_TTL=0", `ATHENS_REDIS_LOCK_TTL: SingleFlight.Redis.LockConfig.TTL = "0": want more than 0`},
		{"a lock is waited for for some time", "redis ATHENS_REDIS_LOCK_TIMEOUT=0", `SingleFlight.Redis.LockConfig.Timeout = "0": want more than 0`},
		{"it is tried for once", "redis ATHENS_REDIS_LOCK_MAX_RETRIES=0", `SingleFlight.Redis.LockConfig.MaxRetries = "0": want a whole number, 1 or more`},
		{"with Sentinel the same", "redis-sentinel ATHENS_REDIS_LOCK_TTL=0", `ATHENS_REDIS_LOCK_TTL: SingleFlight.RedisSentinel.LockConfig.TTL = "0": want more than 0`},
		{"in time", "redis-sentinel ATHENS_REDIS_LOCK_TIMEOUT=-1", `SingleFlight.RedisSentinel.LockConfig.Timeout = "-1": want whole seconds`},
		{"and in tries", "redis-sentinel ATHENS_REDIS_LOCK_MAX_RETRIES=many", `SingleFlight.RedisSentinel.LockConfig.MaxRetries = "many": want`},
		{"of Redis the other keys are silent", "redis-sentinel ATHENS_REDIS_ENDPOINT=redis://:open_sesame@r ATHENS_REDIS_PASSWORD=sesame", ""},

		{"sentinels have ports", "redis-sentinel ATHENS_REDIS_SENTINEL_ENDPOINTS=a:1,b", `SingleFlight.RedisSentinel.Endpoints = "a:1,b": want each as "host:26379"`},
		{"sentinels have no URLs", "redis-sentinel ATHENS_REDIS_SENTINEL_ENDPOINTS=redis://:sesame@a:1", `want each as "host:26379"`},
		{"there are some", "redis-sentinel ATHENS_REDIS_SENTINEL_ENDPOINTS=,", `want one or more, as "host:26379"`},
		{"a database of Sentinel is a number", "redis-sentinel ATHENS_REDIS_SENTINEL_DB=-1", `SingleFlight.RedisSentinel.DB = "-1": want a whole number, 0 or more`},

		{"Athens' threshold is some time", "gcp ATHENS_STORAGE_TYPE=gcp ATHENS_GCP_STALE_THRESHOLD=0", `ATHENS_GCP_STALE_THRESHOLD: SingleFlight.GCP.StaleThreshold = "0": want more than 0`},
		{"also if gcp is the slowest store", "store ATHENS_STORAGE_TYPE=gcp ATHENS_GCP_STALE_THRESHOLD=0", "SingleFlight.GCP.StaleThreshold"},
		{"without its locks it is nothing", "memory ATHENS_STORAGE_TYPE=gcp ATHENS_GCP_STALE_THRESHOLD=0", ""},
		{"blobs take no short lease", "azureblob ATHENS_STORAGE_TYPE=azureblob MODTIER_LOCKS_LEASE=14s", `MODTIER_LOCKS_LEASE: Tiers.Locks.Lease = "14s": want 15s to 60s`},
		{"nor a long one", "store ATHENS_STORAGE_TYPE=azureblob MODTIER_LOCKS_LEASE=61s", "want 15s to 60s"},
		{"they take a minute", "azureblob ATHENS_STORAGE_TYPE=azureblob MODTIER_LOCKS_LEASE=60s", ""},
		{"objects take a short one", "s3 ATHENS_STORAGE_TYPE=s3 MODTIER_LOCKS_LEASE=5s", ""},
		{"and none of hours", "store ATHENS_STORAGE_TYPE=s3 MODTIER_LOCKS_LEASE=16m", `Tiers.Locks.Lease = "16m": want 1s to 15m`},
		{"others take any", "redis MODTIER_LOCKS_LEASE=1h", ""},

		{"peers share a secret", "etcd MODTIER_PEERS_URL=http://p.example", "MODTIER_PEERS_URL: Tiers.Peers.URL: set without Tiers.Peers.Secret (MODTIER_PEERS_SECRET); want both or neither"},
		{"a secret is for peers", "etcd MODTIER_PEERS_SECRET=sesame" + key, "MODTIER_PEERS_SECRET: Tiers.Peers.Secret: set without Tiers.Peers.URL (MODTIER_PEERS_URL)"},
		{"a secret is long", "etcd MODTIER_PEERS_URL=http://p.example MODTIER_PEERS_SECRET=sesame890123456", "Tiers.Peers.Secret: want 16 characters or more"},
		{"peers speak HTTP", "etcd MODTIER_PEERS_URL=p.example:3000 MODTIER_PEERS_SECRET=" + key, "Tiers.Peers.URL: want an http or https URL"},
		{"peers' URL is not for credentials", "etcd MODTIER_PEERS_URL=http://u:sesame@p MODTIER_PEERS_SECRET=" + key, "Tiers.Peers.URL: want a URL without credentials"},
		{"peers' URL has no odd characters", "etcd MODTIER_PEERS_URL=http://p/ä MODTIER_PEERS_SECRET=" + key, "Tiers.Peers.URL: want at most 1024 characters, all of ASCII"},
		{"and not too many", "etcd MODTIER_PEERS_URL=http://p/" + strings.Repeat("x", 1<<10) + " MODTIER_PEERS_SECRET=" + key, "Tiers.Peers.URL: want at most 1024 characters"},
		{"locks or not, peers are checked", "memory MODTIER_PEERS_SECRET=sesame" + key, "set without Tiers.Peers.URL"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			name, vars, _ := strings.Cut(tt.environ, " ")
			environ := environ(append(strings.Fields(vars), "ATHENS_SINGLE_FLIGHT_TYPE="+name)...)
			if !strings.Contains(vars, "ATHENS_STORAGE_TYPE") {
				environ = append(environ, "ATHENS_STORAGE_TYPE=s3") // so that locks are of use
			}
			_, warnings, err := Load(Options{File: write(t, ""), Environ: environ})
			wantOne(t, err, tt.want)
			if len(warnings) > 0 {
				t.Errorf("got warnings %q, want none", warnings)
			}
		})
	}
	t.Run("an empty variable does not take the secret away", func(t *testing.T) {
		file := write(t, "SingleFlightType = \"etcd\"\n[Tiers.Peers]\nURL = \"http://p.example\"\nSecret = \"sesame0123456789\"\n")
		c, warnings, err := Load(Options{File: file, Environ: []string{"MODTIER_PEERS_SECRET="}})
		if err != nil || c.Tiers.Peers.Secret != "sesame0123456789" || len(warnings) != 1 || strings.Contains(warnings[0], "sesame") {
			t.Errorf("got %q, %v", warnings, err)
		}
	})
	t.Run("sentinels without a password have an empty one, as with Athens", func(t *testing.T) {
		for _, o := range []Options{
			{File: write(t, "[SingleFlight.RedisSentinel]\nSentinelPassword = \"\"\n")},
			{File: write(t, ""), Environ: []string{"ATHENS_REDIS_SENTINEL_PASSWORD="}},
		} {
			if got := load(t, o).SingleFlight.RedisSentinel.SentinelPassword; got != "" {
				t.Errorf("got %q", got)
			}
		}
	})
}
