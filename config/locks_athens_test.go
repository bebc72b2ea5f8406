package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestLockWait(t *testing.T) {
	for _, tt := range []struct {
		environ string
		want    time.Duration
	}{
		{"", 10 * time.Second},
		{"ATHENS_REDIS_LOCK_TIMEOUT=5", 5 * time.Second},
		{"ATHENS_REDIS_LOCK_TIMEOUT=500ms", 500 * time.Millisecond},
		{"ATHENS_REDIS_LOCK_TIMEOUT=60", 10 * time.Second},
		{"ATHENS_REDIS_LOCK_MAX_RETRIES=3", 3 * time.Second},
		{"ATHENS_REDIS_LOCK_MAX_RETRIES=15", 15 * time.Second},
		{"ATHENS_REDIS_LOCK_MAX_RETRIES=9223372036854775807", 15 * time.Second},
		{"ATHENS_REDIS_LOCK_MAX_RETRIES=2 ATHENS_REDIS_LOCK_TIMEOUT=1500ms", 1500 * time.Millisecond},
		{"ATHENS_REDIS_LOCK_MAX_RETRIES=3 MODTIER_LOCKS_WAIT=20s", 20 * time.Second},
		{"ATHENS_REDIS_LOCK_TIMEOUT=5 MODTIER_LOCKS_WAIT=10s", 10 * time.Second},
	} {
		for _, name := range []string{"redis", "redis-sentinel"} {
			t.Run(name+" "+tt.environ+" waits "+tt.want.String(), func(t *testing.T) {
				o := Options{File: write(t, ""), Environ: environ(append(strings.Fields(tt.environ), "ATHENS_STORAGE_TYPE=s3", "ATHENS_SINGLE_FLIGHT_TYPE="+name)...)}
				if got := load(t, o).Tiers.Locks.Wait; got != tt.want {
					t.Errorf("got %v", got)
				}
			})
		}
	}
	t.Run("what Redis' locks wait is nothing to others", func(t *testing.T) {
		o := Options{File: write(t, ""), Environ: environ("ATHENS_STORAGE_TYPE=s3", "ATHENS_SINGLE_FLIGHT_TYPE=s3", "ATHENS_REDIS_LOCK_TIMEOUT=1")}
		if got := load(t, o).Tiers.Locks.Wait; got != 10*time.Second {
			t.Errorf("got %v", got)
		}
	})
}

// Files as sites have them for Athens, every key that Athens has.
func TestLocksOfAthens(t *testing.T) {
	const store = "StorageType = \"external\"\n[Storage.External]\nURL = \"http://x.example\"\n"
	lockConfig := LockConfig{TTL: 15 * time.Minute, Timeout: 15 * time.Second, MaxRetries: 10}
	for _, tt := range []struct {
		name, content string
		fill          func(*SingleFlight)
	}{
		{"etcd", "[SingleFlight.Etcd]\nEndpoints = \"localhost:2379,localhost:22379\"\n",
			func(f *SingleFlight) { f.Etcd.Endpoints = "localhost:2379,localhost:22379" }},
		{"redis", "[SingleFlight.Redis]\nEndpoint = \"rediss://u:p@r.example\"\nPassword = \"p\"\nCluster = false\n" +
			"[SingleFlight.Redis.LockConfig]\nTTL = 600\nTimeout = 20\nMaxRetries = 8\n",
			func(f *SingleFlight) {
				f.Redis.Endpoint, f.Redis.Password = "rediss://u:p@r.example", "p"
				f.Redis.LockConfig = LockConfig{TTL: 10 * time.Minute, Timeout: 20 * time.Second, MaxRetries: 8}
			}},
		{"redis", "[SingleFlight.Redis]\nEndpoint = \"redis://:p@r:1, s:2,\"\nCluster = true\n",
			func(f *SingleFlight) { f.Redis.Endpoint, f.Redis.Cluster = "redis://:p@r:1,s:2", true }},
		{"redis-sentinel", "[SingleFlight.RedisSentinel]\nEndpoints = [\"a:1\", \"[::1]:2\"]\nMasterName = \"m\"\nSentinelPassword = \"p\"\n" +
			"DB = 2\nRedisUsername = \"u\"\nRedisPassword = \"q\"\n[SingleFlight.RedisSentinel.LockConfig]\nTTL = 900\n",
			func(f *SingleFlight) {
				s := &f.RedisSentinel
				s.Endpoints, s.MasterName, s.SentinelPassword, s.DB = []string{"a:1", "[::1]:2"}, "m", "p", 2
				s.RedisUsername, s.RedisPassword = "u", "q"
			}},
	} {
		t.Run(tt.name+" is taken whole and without a word", func(t *testing.T) {
			var want SingleFlight
			want.Etcd.Endpoints = "localhost:2379,localhost:22379,localhost:32379"
			want.Redis.Endpoint, want.Redis.LockConfig = "127.0.0.1:6379", lockConfig
			s := &want.RedisSentinel
			s.Endpoints, s.MasterName, s.SentinelPassword, s.LockConfig = []string{"127.0.0.1:26379"}, "redis-1", "sekret", lockConfig
			want.GCP.StaleThreshold = 2 * time.Minute
			tt.fill(&want)
			c := load(t, Options{File: write(t, "SingleFlightType = \""+tt.name+"\"\n"+store+tt.content)})
			if !reflect.DeepEqual(c.SingleFlight, want) || c.SingleFlightType != tt.name {
				t.Errorf("got  %+v\nwant %+v", c.SingleFlight, want)
			}
		})
	}
	t.Run("keys of locks that are not chosen are silence, right or wrong", func(t *testing.T) {
		for _, literal := range []string{`"MY_VALUE/on@disk"`, "-7"} {
			var content strings.Builder
			for _, r := range table() {
				if r.locker() != "" {
					content.WriteString(r.key + " = " + literal + "\n")
				}
			}
			load(t, Options{File: write(t, content.String())})
			load(t, Options{File: write(t, "SingleFlightType = \"s3\"\nStorageType = \"s3\"\n"+content.String()), Environ: environ()})
		}
	})
	t.Run("a value of a wrong type is one error with its line", func(t *testing.T) {
		for _, r := range table() {
			name := r.locker()
			if name == "" {
				continue
			}
			file := write(t, "\n"+toml(r.key, "[7]"))
			_, _, err := Load(Options{File: file, Environ: environ("ATHENS_SINGLE_FLIGHT_TYPE="+name, "ATHENS_STORAGE_TYPE=gcp")})
			wantOne(t, err, file+":3: "+r.key)
		}
	})
}
