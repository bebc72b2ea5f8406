package config

import (
	"testing"
	"time"
)

// lockSamples is [samples] for the keys of locks. Of the types none is chosen,
// but where a key is nothing without.
func lockSamples(t *testing.T) []sample {
	t.Helper()
	const redis, sentinel = "ATHENS_SINGLEFLIGHT_REDIS_", "ATHENS_SINGLEFLIGHT_REDISSENTINEL_"
	const s, min = time.Second, time.Minute
	const f, e = "ffffffffffffffff", "eeeeeeeeeeeeeeee"
	list := func(items ...string) []string { return items }
	return []sample{
		{"SingleFlightType", `"redis"`, "redis", "ATHENS_ATHENS_SINGLE_FLIGHT_TYPE ATHENS_SINGLE_FLIGHT_TYPE", "Redis-Sentinel", "redis-sentinel",
			list("ATHENS_STORAGE_TYPE=disk", "ATHENS_DISK_STORAGE_ROOT="+t.TempDir())},
		{"SingleFlight.Etcd.Endpoints", `"f:1"`, "f:1",
			"ATHENS_SINGLEFLIGHT_ETCD_ATHENS_ETCD_ENDPOINTS ATHENS_ETCD_ENDPOINTS", "e:1, HTTP://d:2/", "e:1,http://d:2", nil},
		{"SingleFlight.Redis.Endpoint", `"f:1"`, "f:1", redis + "ATHENS_REDIS_ENDPOINT ATHENS_REDIS_ENDPOINT", "rediss://:p@e", "rediss://:p@e", nil},
		{"SingleFlight.Redis.Password", `"f"`, "f", redis + "ATHENS_REDIS_PASSWORD ATHENS_REDIS_PASSWORD", "e", "e", nil},
		{"SingleFlight.Redis.Cluster", `true`, true, redis + "ATHENS_REDIS_CLUSTER ATHENS_REDIS_CLUSTER", "false", false, nil},
		{"SingleFlight.Redis.LockConfig.TTL", `60`, min, redis + "LOCKCONFIG_ATHENS_REDIS_LOCK_TTL ATHENS_REDIS_LOCK_TTL", "2m", 2 * min, nil},
		{"SingleFlight.Redis.LockConfig.Timeout", `60`, min,
			redis + "LOCKCONFIG_ATHENS_REDIS_LOCK_TIMEOUT ATHENS_REDIS_LOCK_TIMEOUT", "2", 2 * s, nil},
		{"SingleFlight.Redis.LockConfig.MaxRetries", `60`, 60,
			redis + "LOCKCONFIG_ATHENS_REDIS_LOCK_MAX_RETRIES ATHENS_REDIS_LOCK_MAX_RETRIES", "2", 2, nil},
		{"SingleFlight.RedisSentinel.Endpoints", `["f:1", "g:2"]`, list("f:1", "g:2"),
			sentinel + "ATHENS_REDIS_SENTINEL_ENDPOINTS ATHENS_REDIS_SENTINEL_ENDPOINTS", "e:1, d:2", list("e:1", "d:2"), nil},
		{"SingleFlight.RedisSentinel.MasterName", `"f"`, "f",
			sentinel + "ATHENS_REDIS_SENTINEL_MASTER_NAME ATHENS_REDIS_SENTINEL_MASTER_NAME", "e", "e", nil},
		{"SingleFlight.RedisSentinel.SentinelPassword", `"f"`, "f",
			sentinel + "ATHENS_REDIS_SENTINEL_PASSWORD ATHENS_REDIS_SENTINEL_PASSWORD", "e", "e", nil},
		{"SingleFlight.RedisSentinel.DB", `1`, 1, sentinel + "ATHENS_REDIS_SENTINEL_DB ATHENS_REDIS_SENTINEL_DB", "2", 2, nil},
		{"SingleFlight.RedisSentinel.RedisUsername", `"f"`, "f", sentinel + "ATHENS_REDIS_USERNAME ATHENS_REDIS_USERNAME", "e", "e", nil},
		{"SingleFlight.RedisSentinel.RedisPassword", `"f"`, "f", sentinel + "ATHENS_REDIS_PASSWORD ATHENS_REDIS_PASSWORD", "e", "e", nil},
		{"SingleFlight.RedisSentinel.LockConfig.TTL", `60`, min,
			sentinel + "LOCKCONFIG_ATHENS_REDIS_LOCK_TTL ATHENS_REDIS_LOCK_TTL", "2", 2 * s, nil},
		{"SingleFlight.RedisSentinel.LockConfig.Timeout", `60`, min,
			sentinel + "LOCKCONFIG_ATHENS_REDIS_LOCK_TIMEOUT ATHENS_REDIS_LOCK_TIMEOUT", "2", 2 * s, nil},
		{"SingleFlight.RedisSentinel.LockConfig.MaxRetries", `60`, 60,
			sentinel + "LOCKCONFIG_ATHENS_REDIS_LOCK_MAX_RETRIES ATHENS_REDIS_LOCK_MAX_RETRIES", "2", 2, nil},
		{"SingleFlight.GCP.StaleThreshold", `60`, min,
			"ATHENS_SINGLEFLIGHT_GCP_ATHENS_GCP_STALE_THRESHOLD ATHENS_GCP_STALE_THRESHOLD", "2", 2 * s, nil},

		{"Tiers.Locks.Prefix", `"f/"`, "f/", "MODTIER_LOCKS_PREFIX", "e/", "e/", nil},
		{"Tiers.Locks.Lease", `"1s"`, s, "MODTIER_LOCKS_LEASE", "2m", 2 * min, nil},
		{"Tiers.Locks.Wait", `"1s"`, s, "MODTIER_LOCKS_WAIT", "250ms", s / 4, nil},
		{"Tiers.Locks.EtcdUser", `"f"`, "f", "MODTIER_LOCKS_ETCDUSER", "e", "e", nil},
		{"Tiers.Locks.EtcdPassword", `"f"`, "f", "MODTIER_LOCKS_ETCDPASSWORD", "e", "e", nil},
		{"Tiers.Locks.EtcdCA", `"f"`, "f", "MODTIER_LOCKS_ETCDCA", "e", "e", nil},
		{"Tiers.Locks.EtcdCert", `"f"`, "f", "MODTIER_LOCKS_ETCDCERT", "e", "e", nil},
		{"Tiers.Locks.EtcdKey", `"f"`, "f", "MODTIER_LOCKS_ETCDKEY", "e", "e", nil},
		{"Tiers.Peers.URL", `"http://f.example:3000"`, "http://f.example:3000", "MODTIER_PEERS_URL", "https://e.example/go", "https://e.example/go",
			list("MODTIER_PEERS_SECRET="+f, "ATHENS_SINGLE_FLIGHT_TYPE=etcd")},
		{"Tiers.Peers.Secret", `"` + f + `"`, f, "MODTIER_PEERS_SECRET", e, e,
			list("MODTIER_PEERS_URL=http://f.example", "ATHENS_SINGLE_FLIGHT_TYPE=etcd")},
	}
}
