package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/modtier/modtier/locks/internal/lease"
)

// A Config says where the locks are. Its names are those of Athens' keys below
// SingleFlight.Redis, and of the environment variables that set them.
type Config struct {
	// Endpoint is a host:port, or a URL: redis://, or rediss:// for TLS. With
	// Cluster it is a list of some of the nodes, with commas; if they are URLs,
	// the first one's user, password and TLS count for all. It is not used
	// with Sentinel.
	Endpoint string

	// Password is what Redis asks for. If the URL has one too, they must be
	// equal. With Sentinel it is not used.
	Password string

	// Cluster says that Endpoint is a cluster.
	Cluster bool

	// Sentinel names the sentinels that know the master. Nil is a server
	// or a cluster at Endpoint.
	Sentinel *Sentinel

	// TTL is how long one holder may hold a lock at all. 0 is 15 minutes.
	// Athens' LockConfig.TTL.
	TTL time.Duration

	// Lease is how long a lock outlives a holder that died, at least a second.
	// 0 is 15 seconds.
	Lease time.Duration

	// Holder is what [Locker.Holder] tells others of a lock's holder. It must
	// have no spaces, and may be empty.
	Holder string

	// Prefix goes before the name of a lock. Athens has none: with one, the
	// two do not exclude each other.
	Prefix string
}

// A Sentinel has the names of Athens' keys below SingleFlight.RedisSentinel.
type Sentinel struct {
	Endpoints        []string // the sentinels, each a host:port
	MasterName       string   // what they call the master
	SentinelPassword string   // what they ask for; may be empty
	RedisUsername    string   // what the master asks for; may be empty
	RedisPassword    string   // may be empty
	DB               int      // the master's database
}

// poolSize has room for those who wait for locks and for those who hold them.
const poolSize = lease.AtOnce + 8

// What a dead server costs at most, a time.
const (
	dialTimeout = 2 * time.Second
	ioTimeout   = 2 * time.Second
)

// Open makes a Locker of c. It asks nobody: a Redis that is not there shows with
// the first lock.
func Open(ctx context.Context, c Config) (*Locker, error) {
	if c.TTL < 0 {
		return nil, errors.New("redis: the TTL of a lock (LockConfig.TTL, ATHENS_REDIS_LOCK_TTL) is not above 0")
	}
	if c.Lease != 0 && c.Lease < time.Second {
		return nil, errors.New("redis: the lease of a lock is shorter than a second")
	}
	redis.SetLogger(silence{})
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	l := &Locker{
		prefix: c.Prefix,
		holder: c.Holder,
		lease:  cmp.Or(c.Lease, 15*time.Second),
		client: client,
	}
	l.leases = lease.New(ctx, "redis", l.lease, cmp.Or(c.TTL, 15*time.Minute), l.win)
	return l, nil
}

// silence hears what the client would write to stderr, for it is all said again
// in an error.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

func (c Config) client() (redis.UniversalClient, error) {
	switch {
	case c.Sentinel != nil:
		return c.Sentinel.client()
	case c.Cluster:
		return c.cluster()
	}
	o, err := c.options(c.Endpoint)
	if err != nil {
		return nil, err
	}
	if strings.Contains(o.Addr, ",") {
		return nil, endpointError("is a list, and SingleFlight.Redis.Cluster (ATHENS_REDIS_CLUSTER) is not set")
	}
	return redis.NewClient(o), nil
}

func (c Config) cluster() (redis.UniversalClient, error) {
	var all redis.ClusterOptions
	for i, endpoint := range strings.Split(c.Endpoint, ",") {
		o, err := c.options(strings.TrimSpace(endpoint))
		if err != nil {
			return nil, err
		}
		all.Addrs = append(all.Addrs, o.Addr)
		if i == 0 {
			all.Username, all.Password, all.TLSConfig = o.Username, o.Password, o.TLSConfig
			if all.TLSConfig != nil {
				all.TLSConfig.ServerName = "" // each node's own
			}
		}
	}
	all.PoolSize = poolSize
	all.MaxRetries = 1
	all.DialTimeout, all.DialerRetries = dialTimeout, 1
	all.ReadTimeout, all.WriteTimeout = ioTimeout, ioTimeout
	all.ContextTimeoutEnabled = true
	all.DisableIdentity = true
	all.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClusterClient(&all), nil
}

// options are the options of the server at endpoint. An error does not quote it:
// what is wrong with it may be its password.
func (c Config) options(endpoint string) (*redis.Options, error) {
	o := &redis.Options{Addr: endpoint}
	if strings.Contains(endpoint, "://") {
		var err error
		if o, err = redis.ParseURL(endpoint); err != nil {
			return nil, endpointError("is no URL that Redis' clients know")
		}
	} else if _, _, err := net.SplitHostPort(endpoint); err != nil && !strings.Contains(endpoint, ",") {
		return nil, endpointError("is neither host:port nor a redis:// or rediss:// URL")
	}
	if o.Password != "" && c.Password != "" && o.Password != c.Password {
		return nil, endpointError("has a password that is not SingleFlight.Redis.Password (ATHENS_REDIS_PASSWORD)")
	}
	o.Password = cmp.Or(o.Password, c.Password)
	o.PoolSize = cmp.Or(o.PoolSize, poolSize)
	o.MaxRetries = 1
	o.DialTimeout, o.DialerRetries = dialTimeout, 1
	o.ReadTimeout, o.WriteTimeout = ioTimeout, ioTimeout
	o.ContextTimeoutEnabled = true
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

func endpointError(what string) error {
	return fmt.Errorf("redis: SingleFlight.Redis.Endpoint (ATHENS_REDIS_ENDPOINT) %s", what)
}

func (s *Sentinel) client() (redis.UniversalClient, error) {
	switch {
	case len(s.Endpoints) == 0:
		return nil, errors.New("redis: SingleFlight.RedisSentinel.Endpoints (ATHENS_REDIS_SENTINEL_ENDPOINTS) is empty")
	case s.MasterName == "":
		return nil, errors.New("redis: SingleFlight.RedisSentinel.MasterName (ATHENS_REDIS_SENTINEL_MASTER_NAME) is empty")
	}
	for _, e := range s.Endpoints {
		if _, _, err := net.SplitHostPort(e); err != nil {
			return nil, errors.New("redis: SingleFlight.RedisSentinel.Endpoints (ATHENS_REDIS_SENTINEL_ENDPOINTS) " +
				"has one that is not host:port")
		}
	}
	return redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName:            s.MasterName,
		SentinelAddrs:         s.Endpoints,
		SentinelPassword:      s.SentinelPassword,
		Username:              s.RedisUsername,
		Password:              s.RedisPassword,
		DB:                    s.DB,
		PoolSize:              poolSize,
		MaxRetries:            1,
		DialTimeout:           dialTimeout,
		DialerRetries:         1,
		ReadTimeout:           ioTimeout,
		WriteTimeout:          ioTimeout,
		ContextTimeoutEnabled: true,
		DisableIdentity:       true,
	}), nil
}
