package redis_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/modtier/modtier/locks/lockstest"
	"github.com/modtier/modtier/locks/redis"
)

func TestAWrongConfigurationNamesTheKeyToMend(t *testing.T) {
	const secret = "hunter2"
	for name, test := range map[string]struct {
		config redis.Config
		want   []string
	}{
		"unequal passwords": {redis.Config{Endpoint: "redis://:" + secret + "@h:1", Password: "other"},
			[]string{"SingleFlight.Redis.Password", "ATHENS_REDIS_PASSWORD"}},
		"unequal passwords in a cluster": {redis.Config{Endpoint: "redis://:" + secret + "@h:1,h:2", Password: "other", Cluster: true},
			[]string{"SingleFlight.Redis.Password", "ATHENS_REDIS_PASSWORD"}},
		"a URL that is none": {redis.Config{Endpoint: "redis://:" + secret + "%zz@h:1"},
			[]string{"SingleFlight.Redis.Endpoint", "ATHENS_REDIS_ENDPOINT"}},
		"another scheme":     {redis.Config{Endpoint: "http://:" + secret + "@h"}, []string{"SingleFlight.Redis.Endpoint"}},
		"an unknown option":  {redis.Config{Endpoint: "redis://:" + secret + "@h?x=1"}, []string{"SingleFlight.Redis.Endpoint"}},
		"no port":            {redis.Config{Endpoint: "h"}, []string{"SingleFlight.Redis.Endpoint"}},
		"no endpoint":        {redis.Config{}, []string{"SingleFlight.Redis.Endpoint"}},
		"a list, no cluster": {redis.Config{Endpoint: "h:1,h:2"}, []string{"SingleFlight.Redis.Cluster", "ATHENS_REDIS_CLUSTER"}},
		"no sentinel": {redis.Config{Sentinel: &redis.Sentinel{MasterName: "m"}},
			[]string{"SingleFlight.RedisSentinel.Endpoints", "ATHENS_REDIS_SENTINEL_ENDPOINTS"}},
		"a sentinel without a port": {redis.Config{Sentinel: &redis.Sentinel{MasterName: "m", Endpoints: []string{"h"}}},
			[]string{"SingleFlight.RedisSentinel.Endpoints"}},
		"no master": {redis.Config{Sentinel: &redis.Sentinel{Endpoints: []string{"h:1"}}},
			[]string{"SingleFlight.RedisSentinel.MasterName", "ATHENS_REDIS_SENTINEL_MASTER_NAME"}},
		"a TTL below 0": {redis.Config{Endpoint: "h:1", TTL: -1}, []string{"LockConfig.TTL", "ATHENS_REDIS_LOCK_TTL"}},
		"a short lease": {redis.Config{Endpoint: "h:1", Lease: time.Millisecond}, []string{"lease"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := redis.Open(t.Context(), test.config)
			if err == nil {
				t.Fatal("it is taken")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q has the password", err)
			}
		})
	}
}

func TestTheSamePasswordMayStandTwice(t *testing.T) {
	for _, c := range []redis.Config{
		{Endpoint: "redis://:p@127.0.0.1:1", Password: "p"},
		{Endpoint: "rediss://127.0.0.1:1", Password: "p"},
		{Endpoint: "127.0.0.1:1", Password: "p"},
		{Endpoint: "redis://u:p@127.0.0.1:1/2"},
		{Endpoint: "redis://:p@127.0.0.1:1,127.0.0.1:2", Password: "p", Cluster: true},
	} {
		open(t, c)
	}
}

// A password that is set beside a URL without one counts.
func TestThePasswordOfTheConfigurationCounts(t *testing.T) {
	s := start(t, "--requirepass", "p")
	l := open(t, redis.Config{Endpoint: "redis://" + s.addr, Password: "p"})
	_, unlock, err := l.Lock(lockstest.Within(t), "a")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	l = open(t, redis.Config{Endpoint: s.addr, Password: "wrong"})
	if _, _, err := l.Lock(lockstest.Within(t), "a"); err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("got %v, want an error without the password", err)
	}
}

func TestTLSIsThatOfTheURL(t *testing.T) {
	cert, key := lockstest.Certificate(t)
	tls := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	start(t, "--tls-port", tls[len("127.0.0.1:"):], "--tls-cert-file", cert, "--tls-key-file", key,
		"--tls-ca-cert-file", cert, "--tls-auth-clients", "no")
	strict := open(t, redis.Config{Endpoint: "rediss://" + tls})
	lockstest.Eventually(t, "nobody knows the certificate", func() error {
		_, _, err := strict.Lock(lockstest.Within(t), "a")
		if unknown := new(x509.UnknownAuthorityError); errors.As(err, unknown) {
			return nil
		}
		return fmt.Errorf("got %w", err)
	})
	lockstest.Relock(t, open(t, redis.Config{Endpoint: "rediss://" + tls + "?skip_verify=true"}), "a")
}
