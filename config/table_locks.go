package config

import (
	"slices"
	"strings"
)

// lockStores returns the stores that can hold locks.
func lockStores() []string {
	return slices.DeleteFunc(stores(), func(name string) bool { return name == "external" })
}

// locker returns the type of locks whose key r is, or "". What such a key holds
// matters only if the type is chosen.
func (r row) locker() string {
	id := r.id()
	if strings.HasPrefix(id, "tiers.locks.etcd") {
		return "etcd"
	}
	table, ok := strings.CutPrefix(id, "singleflight.")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(table, ".")
	if name == "redissentinel" {
		return "redis-sentinel"
	}
	return name
}

// lockRows holds the keys of locks that are Athens'. Some variables set a key of
// Redis and one of Sentinel.
func lockRows() []row {
	types := slices.Concat([]string{"memory", "etcd", "redis", "redis-sentinel"}, lockStores(), []string{"store"})
	return []row{
		{key: "SingleFlightType", env: "ATHENS_SINGLE_FLIGHT_TYPE", def: "memory", kind: oneOf(types...),
			doc: "What keeps several instances from the same fetch: `memory` for nothing, `etcd`, `redis`, `redis-sentinel`, a store that is in the stack (`mongo`, `gcp`, `minio`, `s3` or `azureblob`), or `store` for the slowest of these."},

		{key: "SingleFlight.Etcd.Endpoints", env: "ATHENS_ETCD_ENDPOINTS", def: "localhost:2379,localhost:22379,localhost:32379",
			kind: etcdEndpoints, secret: true,
			doc: "Servers of etcd, with commas between: `host:port`, or http or https URLs."},

		{key: "SingleFlight.Redis.Endpoint", env: "ATHENS_REDIS_ENDPOINT", def: "127.0.0.1:6379", kind: text, secret: true,
			doc: "Redis: `host:port`, or a URL, `redis://`, or `rediss://` for TLS; with `SingleFlight.Redis.Cluster` a list of these with commas."},
		{key: "SingleFlight.Redis.Password", env: "ATHENS_REDIS_PASSWORD", kind: text, secret: true,
			doc: "Its password; if the URL has one too, they must be equal."},
		{key: "SingleFlight.Redis.Cluster", env: "ATHENS_REDIS_CLUSTER", def: "false", kind: boolean,
			doc: "With `true`, it is a cluster."},
		{key: "SingleFlight.Redis.LockConfig.TTL", env: "ATHENS_REDIS_LOCK_TTL", def: "900", kind: moreThanZero(seconds),
			doc: "Seconds, or a duration: the longest that one holder may hold a lock."},
		{key: "SingleFlight.Redis.LockConfig.Timeout", env: "ATHENS_REDIS_LOCK_TIMEOUT", def: "15", kind: moreThanZero(seconds),
			doc: "Seconds, or a duration, to wait for a lock, if `Tiers.Locks.Wait` is not set."},
		{key: "SingleFlight.Redis.LockConfig.MaxRetries", env: "ATHENS_REDIS_LOCK_MAX_RETRIES", def: "10", kind: count,
			doc: "The same in tries, one a second; the shorter of the two counts."},

		{key: "SingleFlight.RedisSentinel.Endpoints", env: "ATHENS_REDIS_SENTINEL_ENDPOINTS", def: "127.0.0.1:26379", kind: sentinels,
			doc: "Sentinels, each `host:port`; in the variable with commas between."},
		{key: "SingleFlight.RedisSentinel.MasterName", env: "ATHENS_REDIS_SENTINEL_MASTER_NAME", def: "redis-1", kind: text,
			doc: "What they call the master."},
		{key: "SingleFlight.RedisSentinel.SentinelPassword", env: "ATHENS_REDIS_SENTINEL_PASSWORD", def: "sekret", kind: text, secret: true, blank: true,
			doc: "Their password; empty for none. The default is Athens'."},
		{key: "SingleFlight.RedisSentinel.DB", env: "ATHENS_REDIS_SENTINEL_DB", def: "0", kind: number,
			doc: "Number of the master's database."},
		{key: "SingleFlight.RedisSentinel.RedisUsername", env: "ATHENS_REDIS_USERNAME", kind: text,
			doc: "User of the master, where it has users."},
		{key: "SingleFlight.RedisSentinel.RedisPassword", env: "ATHENS_REDIS_PASSWORD", kind: text, secret: true,
			doc: "Password of the master."},
		{key: "SingleFlight.RedisSentinel.LockConfig.TTL", env: "ATHENS_REDIS_LOCK_TTL", def: "900", kind: moreThanZero(seconds),
			doc: "As `SingleFlight.Redis.LockConfig.TTL`."},
		{key: "SingleFlight.RedisSentinel.LockConfig.Timeout", env: "ATHENS_REDIS_LOCK_TIMEOUT", def: "15", kind: moreThanZero(seconds),
			doc: "As `SingleFlight.Redis.LockConfig.Timeout`."},
		{key: "SingleFlight.RedisSentinel.LockConfig.MaxRetries", env: "ATHENS_REDIS_LOCK_MAX_RETRIES", def: "10", kind: count,
			doc: "As `SingleFlight.Redis.LockConfig.MaxRetries`."},

		{key: "SingleFlight.GCP.StaleThreshold", env: "ATHENS_GCP_STALE_THRESHOLD", def: "120", kind: moreThanZero(seconds),
			doc: "Must be more than 0, as Athens wants it, and means nothing, as with Athens; `Tiers.Locks.Lease` does."},
	}
}
