package etcd_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/modtier/modtier/internal/servertest"
	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/etcd"
	"github.com/modtier/modtier/locks/lockstest"
)

func TestLocker(t *testing.T) {
	t.Parallel()
	c := etcd.Config{Endpoints: servertest.Server(t, "MODTIER_TEST_ETCD_ENDPOINTS")}
	other := client(t, c.Endpoints)
	lockstest.Test(t, lockstest.Service{
		Open: func(t testing.TB) locks.Locker { return open(t, c) },
		Steal: func(t testing.TB, name string) {
			if _, err := other.Delete(context.Background(), keys(t, other, name)[0]); err != nil {
				t.Fatal(err)
			}
		},
		Limited: func(t testing.TB) locks.Locker {
			c := c
			c.TTL = time.Second
			return open(t, c)
		},
		Named: func(t testing.TB, holder string) locks.Locker {
			c := c
			c.Holder = holder
			return open(t, c)
		},
		At: func(t testing.TB, addr string) locks.Locker {
			c := c
			c.Endpoints = addr
			return open(t, c)
		},
	})
}

func TestProcesses(t *testing.T) {
	t.Parallel()
	lockstest.Processes(t, func(t testing.TB) locks.Locker {
		return open(t, etcd.Config{
			Endpoints: servertest.Server(t, "MODTIER_TEST_ETCD_ENDPOINTS"), Lease: lockstest.Lease})
	})
}

func TestAPausedHolder(t *testing.T) {
	t.Parallel()
	lockstest.Paused(t, func(t testing.TB) locks.Locker {
		return open(t, etcd.Config{
			Endpoints: servertest.Server(t, "MODTIER_TEST_ETCD_ENDPOINTS"), Lease: lockstest.Lease})
	})
}

func TestAKeyIsTheNameASlashAndTheLease(t *testing.T) {
	endpoints := servertest.Server(t, "MODTIER_TEST_ETCD_ENDPOINTS")
	c := client(t, endpoints)
	l := open(t, etcd.Config{Endpoints: endpoints})
	names := []string{"test.example/Key@v1.0.0", "test.example/key2@v1.0.0"}
	leases := make(map[string]bool)
	for _, name := range names {
		_, unlock, err := l.Lock(lockstest.Within(t), name)
		if err != nil {
			t.Fatal(err)
		}
		got := keys(t, c, name)
		if len(got) != 1 {
			t.Fatalf("the keys are %q, want one", got)
		}
		hex := strings.TrimPrefix(got[0], name+"/")
		id, err := strconv.ParseInt(hex, 16, 64)
		if err != nil {
			t.Errorf("the key is %q, want the lease behind the slash", got[0])
		}
		r, err := c.TimeToLive(t.Context(), clientv3.LeaseID(id))
		if err != nil || r.GrantedTTL != 15 {
			t.Errorf("the lease is of %d s, %v, want 15", r.GrantedTTL, err)
		}
		leases[hex] = true
		unlock()
		if got := keys(t, c, name); len(got) != 0 {
			t.Errorf("after the unlock there are %q", got)
		}
	}
	if len(leases) != 1 {
		t.Errorf("%d leases in one process, want 1", len(leases))
	}
}

// Athens uses the client's mutex, with a session for each lock.
func TestLocksAreThoseOfTheClientsMutex(t *testing.T) {
	endpoints := servertest.Server(t, "MODTIER_TEST_ETCD_ENDPOINTS")
	ctx := lockstest.Within(t)
	session, err := concurrency.NewSession(client(t, endpoints))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	const name = "test.example/athens@v1.0.0"
	theirs := concurrency.NewMutex(session, name)
	l := open(t, etcd.Config{Endpoints: endpoints})
	if err := theirs.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if _, _, err := l.Lock(short, name); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it is held by the client's mutex, and the wait ended with %v", err)
	}
	if err := theirs.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	_, unlock, err := l.Lock(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := theirs.TryLock(ctx); !errors.Is(err, concurrency.ErrLocked) {
		t.Errorf("it is held, and the client's mutex says %v", err)
	}
	unlock()
	if err := theirs.Lock(ctx); err != nil {
		t.Error(err)
	}
	theirs.Unlock(ctx)
}

func TestALeaseThatIsRevokedCostsAllItsLocks(t *testing.T) {
	endpoints := servertest.Server(t, "MODTIER_TEST_ETCD_ENDPOINTS")
	c := client(t, endpoints)
	l := open(t, etcd.Config{Endpoints: endpoints})
	var all []context.Context
	const name = "test.example/revoked@v1.0."
	for i := range 2 {
		held, unlock, err := l.Lock(lockstest.Within(t), name+strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		all = append(all, held)
	}
	key := keys(t, c, name+"0")[0]
	id, err := strconv.ParseInt(key[strings.LastIndex(key, "/")+1:], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Revoke(t.Context(), clientv3.LeaseID(id)); err != nil {
		t.Fatal(err)
	}
	for _, held := range all {
		lockstest.WaitLost(t, held)
	}
	lockstest.Eventually(t, "there are locks again", func() error {
		_, unlock, err := l.Lock(lockstest.Within(t), name+"2")
		if err == nil {
			defer unlock()
			if slices.Equal(keys(t, c, name+"2"), []string{name + "2" + key[strings.LastIndex(key, "/"):]}) {
				err = errors.New("the key is of the old lease")
			}
		}
		return err
	})
}

func TestOutage(t *testing.T) {
	t.Parallel()
	s := start(t)
	lockstest.Outage(t, &s.Server, open(t, etcd.Config{Endpoints: s.url, Lease: lockstest.Lease}))
}

// Without a server a wait that began before it died ends with the session.
func TestAWaitForAServerThatDiesEnds(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := etcd.Config{Endpoints: s.url, Lease: lockstest.Lease}
	_, unlock, err := open(t, c).Lock(lockstest.Within(t), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	l, other := open(t, c), client(t, s.url)
	got := make(chan error)
	go func() {
		_, _, err := l.Lock(lockstest.Within(t), "a")
		got <- err
	}()
	lockstest.Eventually(t, "the other waits", func() error {
		if n := len(keys(t, other, "a")); n != 2 {
			return errors.New("it does not")
		}
		return nil
	})
	s.Signal(t, syscall.SIGSTOP)
	if err := <-got; err == nil {
		t.Error("got a lock from a dead server")
	}
	s.Signal(t, syscall.SIGCONT)
}
