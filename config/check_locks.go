package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// checkLocks looks at the keys of the locks that are chosen, and at no others,
// for the same reason as [loader.checkStores].
func (l *loader) checkLocks(c *Config) {
	l.checkPair("tiers.peers.url", c.Tiers.Peers.URL, "tiers.peers.secret", c.Tiers.Peers.Secret)
	if u := c.Tiers.Peers.URL; len(u) > 1<<10 || strings.ContainsFunc(u, func(r rune) bool { return r <= ' ' || r > '~' }) {
		l.fail("tiers.peers.url", "want at most 1024 characters, all of ASCII and no space: it stands in each lock")
	}
	if !l.chooseLocks(c) {
		return
	}
	for _, r := range table() {
		if why := l.wrong[r.id()]; why != "" && r.locker() == c.SingleFlightType {
			l.fail(r.id(), why)
		}
	}
	f := &c.SingleFlight
	switch c.SingleFlightType {
	case "etcd":
		l.checkEtcd(c)
	case "redis":
		l.checkRedis(c)
		l.takeWait(c, f.Redis.LockConfig)
	case "redis-sentinel":
		l.takeWait(c, f.RedisSentinel.LockConfig)
	case "azureblob":
		if d := c.Tiers.Locks.Lease; d < 15*time.Second || d > time.Minute {
			l.fail("tiers.locks.lease", "want 15s to 60s, for the store azureblob grants no other")
		}
	case "s3", "minio", "gcp":
		if c.Tiers.Locks.Lease > 15*time.Minute {
			l.fail("tiers.locks.lease", "want 1s to 15m, for nobody believes a longer one that he finds in a store")
		}
	}
	l.warnLocks(c)
}

// chooseLocks finds the store that locks are to lie in, if that is the type, and
// reports whether the rest is worth a look.
func (l *loader) chooseLocks(c *Config) bool {
	if l.wrong["singleflighttype"] != "" || l.wrong["tiers.stack"] != "" || l.wrong["storagetype"] != "" {
		return false // who knows what was meant
	}
	switch name := c.SingleFlightType; {
	case name == "store":
		for _, tier := range slices.Backward(c.Tiers.Stack) {
			if slices.Contains(lockStores(), tier) {
				c.SingleFlightType = tier
				return true
			}
		}
		l.fail("singleflighttype", "there is no store in "+l.about("tiers.stack")+" that can hold locks; want one of "+
			strings.Join(lockStores(), ", ")+" there, or locks of another type")
		return false
	case isStore(name) && !slices.Contains(c.Tiers.Stack, name):
		l.fail("singleflighttype", "its locks lie in the store "+name+", which is not in "+l.about("tiers.stack")+
			"; want it there, as by StorageType "+name+", or locks of another type")
		return false
	}
	return true
}

func (l *loader) checkEtcd(c *Config) {
	k := &c.Tiers.Locks
	l.checkPair("tiers.locks.etcduser", k.EtcdUser, "tiers.locks.etcdpassword", k.EtcdPassword)
	l.checkPair("tiers.locks.etcdcert", k.EtcdCert, "tiers.locks.etcdkey", k.EtcdKey)
	for _, f := range []struct{ id, file string }{
		{"tiers.locks.etcdca", k.EtcdCA}, {"tiers.locks.etcdcert", k.EtcdCert}, {"tiers.locks.etcdkey", k.EtcdKey},
	} {
		if f.file == "" {
			continue
		}
		if strings.Contains(c.SingleFlight.Etcd.Endpoints, "http://") {
			l.fail("singleflight.etcd.endpoints", "http:// beside "+l.about(f.id)+" would go without TLS; want https://")
			return
		}
		l.checkExists(f.id, f.file)
	}
}

func (l *loader) checkExists(id, file string) {
	if fi, err := os.Stat(file); err != nil || fi.IsDir() {
		l.fail(id, "want a file that exists")
	}
}

// checkRedis wants one answer to how to speak to all servers. Athens has that
// from the first URL that says anything, whatever the others say.
func (l *loader) checkRedis(c *Config) {
	const id, password = "singleflight.redis.endpoint", "singleflight.redis.password"
	k := &c.SingleFlight.Redis
	if l.wrong[id] != "" || l.wrong[password] != "" || l.wrong["singleflight.redis.cluster"] != "" {
		return
	}
	endpoints := []string{k.Endpoint}
	if k.Cluster {
		endpoints = split(k.Endpoint)
		k.Endpoint = strings.Join(endpoints, ",")
	}
	var scheme, user, pass string // of the first
	for i, endpoint := range endpoints {
		u, err := parseRedis(endpoint)
		if err != nil {
			l.fail(id, err.Error()+"; a list of them only with true for "+l.name("singleflight.redis.cluster"))
			return
		}
		name := u.User.Username()
		p, _ := u.User.Password()
		if i == 0 {
			scheme, user, pass = u.Scheme, name, p
		}
		if u.Scheme == "rediss" && scheme != "rediss" || name != "" && name != user || p != "" && p != pass {
			l.fail(id, fmt.Sprintf("item %d has TLS, a user or a password that the first has not; the first one's count for all", i+1))
			return
		}
	}
	if len(endpoints) == 0 {
		l.fail(id, "want one server or more")
	}
	if pass != "" && k.Password != "" && pass != k.Password {
		l.fail(id, "its password is not that of "+l.about(password)+"; want one of them, or both the same")
	}
}

// takeWait waits as Athens does, if nothing is said of ours. The defaults of
// both are the same.
func (l *loader) takeWait(c *Config, k LockConfig) {
	if l.from["tiers.locks.wait"] != "" {
		return
	}
	c.Tiers.Locks.Wait = k.Timeout
	if int64(k.MaxRetries) <= int64(k.Timeout/time.Second) { // more of them would not be shorter
		c.Tiers.Locks.Wait = time.Duration(k.MaxRetries) * time.Second
	}
}

// warnLocks warns of locks that help nobody. A store on disk may be shared.
func (l *loader) warnLocks(c *Config) {
	peers := c.Tiers.Peers.URL != ""
	saved := c.StorageType == "disk" || c.Tiers.Write != "none" && slices.ContainsFunc(c.Tiers.Stack, isStore)
	switch {
	case c.SingleFlightType == "memory" && peers:
		l.warn("tiers.peers.url", "has no effect while "+l.name("singleflighttype")+" is memory, for locks name the instance to read from")
	case c.SingleFlightType != "memory" && !peers && !saved:
		l.warn("singleflighttype", "instances wait for each other, but none can read what another fetched; want a store that is written to, or "+
			l.name("tiers.peers.url"))
	}
}
