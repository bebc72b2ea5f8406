package redis_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	sdk "github.com/redis/go-redis/v9"

	"github.com/modtier/modtier/internal/servertest"
	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/lockstest"
	"github.com/modtier/modtier/locks/redis"
)

func TestSingle(t *testing.T) {
	t.Parallel()
	c, client := single(t)
	lockstest.Test(t, service(c, client))
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	s := redis.Sentinel{
		Endpoints:        strings.Split(servertest.Server(t, "MODTIER_TEST_REDIS_SENTINELS"), ","),
		MasterName:       "mymaster",
		SentinelPassword: os.Getenv("MODTIER_TEST_REDIS_SENTINEL_PASSWORD"),
		DB:               3,
	}
	o, err := sdk.ParseURL(servertest.Server(t, "MODTIER_TEST_REDIS_URL"))
	if err != nil {
		t.Fatal(err)
	}
	s.RedisUsername, s.RedisPassword = o.Username, o.Password
	client := sdk.NewFailoverClient(&sdk.FailoverOptions{
		MasterName: s.MasterName, SentinelAddrs: s.Endpoints, SentinelPassword: s.SentinelPassword,
		Username: s.RedisUsername, Password: s.RedisPassword, DB: s.DB,
	})
	t.Cleanup(func() { client.Close() })
	lockstest.Test(t, service(redis.Config{Sentinel: &s}, client))
}

func TestCluster(t *testing.T) {
	t.Parallel()
	endpoints := startCluster(t)
	client := sdk.NewClusterClient(&sdk.ClusterOptions{Addrs: endpoints})
	t.Cleanup(func() { client.Close() })
	lockstest.Test(t, service(redis.Config{Endpoint: strings.Join(endpoints, ","), Cluster: true}, client))
}

func TestProcesses(t *testing.T) {
	t.Parallel()
	lockstest.Processes(t, func(t testing.TB) locks.Locker {
		c, _ := single(t)
		c.Lease = lockstest.Lease
		return open(t, c)
	})
}

func TestAPausedHolder(t *testing.T) {
	t.Parallel()
	lockstest.Paused(t, func(t testing.TB) locks.Locker {
		c, _ := single(t)
		c.Lease = lockstest.Lease
		return open(t, c)
	})
}

func TestAKeyIsTheNameAndExpiresWithItsLease(t *testing.T) {
	c, client := single(t)
	ctx := lockstest.Within(t)
	const name = "test.example/Key@v1.0.0"
	_, unlock, err := open(t, c).Lock(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := client.Get(ctx, name).Result(); err != nil || len(s) < 22 {
		t.Errorf("the key holds %q, %v, want a token", s, err)
	}
	if d, err := client.PTTL(ctx, name).Result(); err != nil || d <= 10*time.Second || d > 15*time.Second {
		t.Errorf("the key expires after %v, %v, want 15 s", d, err)
	}
	unlock()
	if n, err := client.Exists(ctx, name).Result(); err != nil || n != 0 {
		t.Errorf("after the unlock there are %d keys, %v", n, err)
	}
}

// What Athens holds is a key of which we do not know the token, and its end is
// not published.
func TestALockOfAnAthensIsWaitedFor(t *testing.T) {
	c, client := single(t)
	ctx := lockstest.Within(t)
	const name = "test.example/athens@v1.0.0"
	if ok, err := client.SetNX(ctx, name, "a-token-of-athens-own-", time.Minute).Result(); err != nil || !ok {
		t.Fatal(ok, err)
	}
	got := make(chan error)
	l := open(t, c)
	go func() {
		_, unlock, err := l.Lock(ctx, name)
		if err == nil {
			unlock()
		}
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("did not wait for Athens: %v", err)
	case <-time.After(400 * time.Millisecond):
	}
	if s := client.Get(ctx, name).Val(); s != "a-token-of-athens-own-" {
		t.Errorf("the key holds %q, want Athens' token", s)
	}
	client.Del(ctx, name)
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestAPrefixKeepsFleetsApart(t *testing.T) {
	c, client := single(t)
	ctx := lockstest.Within(t)
	const name = "test.example/prefix@v1.0.0"
	_, unlock, err := open(t, c).Lock(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	c.Prefix = "staging:"
	_, unlock, err = open(t, c).Lock(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if n := client.Exists(ctx, name, "staging:"+name).Val(); n != 2 {
		t.Errorf("%d of 2 keys are there", n)
	}
}

func TestAReleaseIsPublishedToWhoWaits(t *testing.T) {
	s := start(t)
	c, ctx := s.client(t), lockstest.Within(t)
	first, second := open(t, redis.Config{Endpoint: s.addr}), open(t, redis.Config{Endpoint: s.addr})
	_, unlock, err := first.Lock(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	const channel = "modtier:unlock"
	if n := c.PubSubNumSub(ctx, channel).Val()[channel]; n != 0 {
		t.Errorf("%d listen where nobody waits", n)
	}
	got := make(chan error)
	go func() {
		_, unlock, err := second.Lock(ctx, "a")
		if err == nil {
			unlock()
		}
		got <- err
	}()
	lockstest.Eventually(t, "the second listens", func() error {
		if c.PubSubNumSub(ctx, channel).Val()[channel] != 1 {
			return errors.New("it does not")
		}
		return nil
	})
	sub := c.Subscribe(ctx, channel)
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	unlock()
	if m, err := sub.ReceiveMessage(ctx); err != nil || m.Payload != "a" {
		t.Errorf("heard %v, %v, want the name", m, err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestOutage(t *testing.T) {
	t.Parallel()
	s := start(t)
	lockstest.Outage(t, &s.Server, open(t, redis.Config{Endpoint: s.addr, Lease: lockstest.Lease}))
}

func TestAMasterThatForgotTheLockCostsIt(t *testing.T) {
	t.Parallel()
	s := start(t)
	l := open(t, redis.Config{Endpoint: s.addr, Lease: lockstest.Lease})
	held, unlock, err := l.Lock(lockstest.Within(t), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	s.client(t).FlushAll(t.Context()) // as a replica does that was promoted
	lockstest.WaitLost(t, held)
}

func TestAUserWhoMayNotPublishMayStillRelease(t *testing.T) {
	s := start(t)
	ctx := lockstest.Within(t)
	if err := s.client(t).Do(ctx, "ACL", "SETUSER", "locker", "on", ">pass", "~*", "resetchannels", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	c := redis.Config{Endpoint: "redis://locker:pass@" + s.addr}
	l, other := open(t, c), open(t, c)
	_, unlock, err := l.Lock(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		_, unlock, err := other.Lock(ctx, "a")
		if err == nil {
			unlock()
		}
		got <- err
	}()
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}
