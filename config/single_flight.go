package config

import "time"

// SingleFlight holds Athens' tables of lock services. The table of a type that
// is not chosen is not checked, and what is wrong in it is left out.
type SingleFlight struct {
	Etcd struct {
		// Endpoints are servers with commas between them: host:port, or http
		// or https URLs. If one is https, all are. Never "".
		Endpoints string
	}

	Redis struct {
		// Endpoint is host:port, or a redis:// or rediss:// URL, which may
		// hold credentials; never "". With Cluster it is a list of these with
		// commas, of which no other asks for TLS, or has a user or a password,
		// that the first has not.
		Endpoint string

		// Password is "" for none, or for the one in Endpoint; if both are
		// set they are equal. It is a secret.
		Password string

		Cluster    bool // whether Endpoint is of a cluster
		LockConfig LockConfig
	}

	RedisSentinel struct {
		Endpoints        []string // of sentinels, each host:port; never empty
		MasterName       string   // what sentinels call the master, never ""
		SentinelPassword string   // of the sentinels, "" for none; a secret
		DB               int      // 0 or more
		RedisUsername    string   // of the master, "" for none
		RedisPassword    string   // of the master, "" for none; a secret
		LockConfig       LockConfig
	}

	GCP struct {
		StaleThreshold time.Duration // more than 0; it means nothing, to Athens as to us
	}
}

// A LockConfig bounds locks in Redis. Its fields are more than 0.
type LockConfig struct {
	TTL time.Duration // the longest that one holder may hold a lock

	// Timeout, and MaxRetries of a second each, are how long Athens waits for
	// a lock. They are in Tiers.Locks.Wait, and need not be looked at.
	Timeout    time.Duration
	MaxRetries int
}
