package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/modtier/modtier/config"
	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/locks"
	bucketlocks "github.com/modtier/modtier/locks/bucket"
	"github.com/modtier/modtier/locks/etcd"
	mongolocks "github.com/modtier/modtier/locks/mongo"
	"github.com/modtier/modtier/locks/redis"
	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers/peer"
)

// addLocker makes instances over the same stores wait for each other's fetches. In
// one process nobody needs a lock: a miss is one flight there. Without a store to
// save into, and without peers, one could not read what another has fetched.
func (s *service) addLocker(ctx context.Context, c *config.Config, m *metrics.Metrics, log *slog.Logger) error {
	l, err := s.openLocker(ctx, c)
	if err != nil {
		return fmt.Errorf("SingleFlightType %s: %w", c.SingleFlightType, err)
	}
	if l == nil {
		return nil
	}
	s.closers = append(s.closers, func() { l.Close() })
	guard := &locks.Guard{Locker: l, Log: log.With("type", c.SingleFlightType)}
	if !slices.ContainsFunc(s.stores, func(st *store) bool { return st.name == c.SingleFlightType }) {
		// Who has set up a service wrongly is to read that now, and not at the first
		// miss. A store is looked at as a store.
		go guard.Holder(context.WithoutCancel(ctx), "modtier.invalid/start@v0.0.0")
	}
	s.locks, s.lockType = &locks.Roster{Locker: guard}, c.SingleFlightType
	s.stack.Locker, s.stack.LockWait = s.traces.Locker(m.Locker(s.locks, c.SingleFlightType), c.SingleFlightType), c.Tiers.Locks.Wait
	if c.Tiers.Peers.URL != "" {
		client := &peer.Client{
			URL: c.Tiers.Peers.URL, Secret: c.Tiers.Peers.Secret,
			// A holder that stands still is to cost no more than one that is gone.
			Stall: max(c.Tiers.Locks.Lease, 10*time.Second),
			Wrap:  s.traces.Transport,
		}
		s.closers = append(s.closers, func() { client.Close() })
		s.stack.Peers = s.traces.Peers(m.Peers(client))
	}
	return nil
}

// peers returns what other instances may ask of s, or nil.
func (s *service) peers(c *config.Config) *gateway.Peers {
	if s.stack.Peers == nil {
		return nil
	}
	gate := &peer.Gate{URL: c.Tiers.Peers.URL, Secret: c.Tiers.Peers.Secret}
	return &gateway.Peers{Prefix: peer.Prefix, Files: s.stack.Here(), Check: gate.Check}
}

// A closingLocker has connections.
type closingLocker interface {
	locks.Locker
	io.Closer
}

// openLocker returns the locker that c chooses, or nil if a process needs none. It
// asks nobody.
func (s *service) openLocker(ctx context.Context, c *config.Config) (closingLocker, error) {
	own, peer := c.Tiers.Locks, c.Tiers.Peers.URL
	switch c.SingleFlightType {
	case "memory":
		return nil, nil
	case "etcd":
		return etcd.Open(ctx, etcd.Config{
			Endpoints: c.SingleFlight.Etcd.Endpoints,
			Username:  own.EtcdUser, Password: own.EtcdPassword,
			CAFile: own.EtcdCA, CertFile: own.EtcdCert, KeyFile: own.EtcdKey,
			Lease: own.Lease, Prefix: own.Prefix, Holder: peer,
		})
	case "redis":
		k := c.SingleFlight.Redis
		return redis.Open(ctx, redis.Config{
			Endpoint: k.Endpoint, Password: k.Password, Cluster: k.Cluster,
			TTL: k.LockConfig.TTL, Lease: own.Lease, Prefix: own.Prefix, Holder: peer,
		})
	case "redis-sentinel":
		k := c.SingleFlight.RedisSentinel
		return redis.Open(ctx, redis.Config{
			Sentinel: &redis.Sentinel{
				Endpoints: k.Endpoints, MasterName: k.MasterName, SentinelPassword: k.SentinelPassword,
				RedisUsername: k.RedisUsername, RedisPassword: k.RedisPassword, DB: k.DB,
			},
			TTL: k.LockConfig.TTL, Lease: own.Lease, Prefix: own.Prefix, Holder: peer,
		})
	}
	for _, st := range s.stores {
		switch {
		case st.name != c.SingleFlightType:
		case st.database != nil:
			return mongolocks.Open(ctx, mongolocks.Config{
				Database: st.database.Database(), Lease: own.Lease, Prefix: own.Prefix, Holder: peer,
			})
		case st.name == "azureblob":
			return bucketlocks.OpenLeases(ctx, st.objects, bucketlocks.Config{Lease: own.Lease, Prefix: own.Prefix, Holder: peer})
		case st.objects != nil:
			return bucketlocks.OpenObjects(ctx, st.objects, bucketlocks.Config{Lease: own.Lease, Prefix: own.Prefix, Holder: peer})
		}
	}
	return nil, errors.New("there is no such store to hold locks") // which config has seen to
}
