package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/lease"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/bucket"
	"github.com/modtier/modtier/locks/lockstest"
	store "github.com/modtier/modtier/tiers/bucket"
)

const (
	lockName = "test.example/Key@v1.0.0"
	lockKey  = "lease/test.example/Key@v1.0.0"
)

func TestLeases(t *testing.T) {
	t.Parallel()
	lockstest.Test(t, newAzure(t).service())
}

func BenchmarkWakingWithLeases(b *testing.B) {
	lockstest.Benchmark(b, newAzure(b).service())
}

func TestProcessesWithLeases(t *testing.T) {
	t.Parallel()
	lockstest.Processes(t, func(t testing.TB) locks.Locker {
		return newAzure(t).locker(t, bucket.Config{})
	})
}

// mustLock locks lockName until the end of the test, or of the lock.
func mustLock(t *testing.T, l locks.Locker) (held context.Context, unlock func()) {
	t.Helper()
	held, unlock, err := lockstest.Insist(lockstest.Within(t), l, lockName)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unlock)
	return held, unlock
}

func TestALeaseIsOnTheObjectThatAthensNames(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	_, unlock := mustLock(t, a.locker(t, bucket.Config{}))
	mustLock(t, a.locker(t, bucket.Config{Prefix: "staging/"}))
	unlock()
	want := map[string]lease.StateType{
		lockKey:              lease.StateTypeAvailable,
		"staging/" + lockKey: lease.StateTypeLeased,
	}
	for p := a.api.NewListBlobsFlatPager(nil); p.More(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Segment.BlobItems {
			if s := item.Properties.LeaseState; want[*item.Name] == "" || *s != want[*item.Name] || *item.Properties.ContentLength != 1 {
				t.Errorf("there is %s of %d bytes, %s, want %v of one", *item.Name, *item.Properties.ContentLength, *s, want)
			}
			delete(want, *item.Name)
		}
	}
	for key := range want {
		t.Errorf("%s is not there", key)
	}
}

func TestALeaseOfAthensIsWaitedFor(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.put(t, lockKey)
	athens := a.lease(t, lockKey)
	if !a.take(t, athens) {
		t.Fatal("Athens did not get its lease")
	}
	l := a.locker(t, bucket.Config{Holder: "http://10.0.0.1:3000"})
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	if _, _, err := l.Lock(ctx, lockName); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want to wait for Athens", err)
	}
	got := make(chan error)
	go func() {
		_, unlock, err := l.Lock(lockstest.Within(t), lockName)
		if err == nil {
			unlock()
		}
		got <- err
	}()
	if holder, err := l.Holder(t.Context(), lockName); holder != "" || err != nil {
		t.Errorf("Athens holds it, and the holder is %q, %v", holder, err)
	}
	if _, err := athens.ReleaseLease(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestAthensIsKeptOut(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	held, unlock := mustLock(t, a.locker(t, bucket.Config{Holder: "http://10.0.0.1:3000"}))
	athens := a.lease(t, lockKey)
	if !a.put(t, lockKey) || a.take(t, athens) {
		t.Error("it is locked, and Athens got in")
	}
	if err := context.Cause(held); err != nil {
		t.Errorf("held ended: %v", err)
	}
	unlock()
	if !a.take(t, athens) {
		t.Error("it is unlocked, and Athens did not get in")
	}
	if holder, err := a.locker(t, bucket.Config{}).Holder(t.Context(), lockName); holder != "" || err != nil {
		t.Errorf("Athens holds it, and the holder is %q, %v", holder, err)
	}
}

func TestWhatADeadHolderSaidOfItselfIsNotBelieved(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	l := a.locker(t, bucket.Config{Holder: "http://10.0.0.1:3000"})
	held, _ := mustLock(t, l)
	a.end(t, lockKey)
	if !a.take(t, a.lease(t, lockKey)) { // as Athens that waited: it has not written the object anew
		t.Fatal("Athens did not get its lease")
	}
	if holder, err := l.Holder(t.Context(), lockName); holder != "" || err != nil {
		t.Errorf("Athens holds it, and the holder is %q, %v", holder, err)
	}
	lockstest.WaitLost(t, held)
	if err := context.Cause(held); !strings.Contains(err.Error(), "another's") {
		t.Errorf("the cause is %v, want another's lease and not the end of this one", err)
	}
}

func TestAGrantWithoutAnAnswerIsGivenBack(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	var granted atomic.Int32
	deaf := a.behind(t, func(r *http.Request, server http.RoundTripper) (*http.Response, error) {
		answer, err := server.RoundTrip(r)
		if err == nil && r.Header.Get("X-Ms-Lease-Action") == "acquire" && answer.StatusCode == http.StatusCreated {
			granted.Add(1)
			answer.Body.Close()
			return nil, errors.New("lost")
		}
		return answer, err
	})
	if _, _, err := deaf.locker(t, bucket.Config{}).Lock(lockstest.Within(t), lockName); err == nil {
		t.Fatal("got a lock without an answer")
	}
	if granted.Load() == 0 {
		t.Error("it was never granted")
	}
	if !a.take(t, a.lease(t, lockKey)) {
		t.Error("it is locked, and nobody has it")
	}
}

func TestALockWhoseServiceFallsSilentIsLost(t *testing.T) {
	t.Parallel()
	var silent atomic.Bool
	a := newAzure(t).behind(t, func(r *http.Request, server http.RoundTripper) (*http.Response, error) {
		if silent.Load() {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return server.RoundTrip(r)
	})
	held, _ := mustLock(t, a.locker(t, bucket.Config{}))
	silent.Store(true)
	lockstest.WaitLost(t, held)
}

func TestAHolderThatCouldNotBeSaidIsSaidLater(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	a := newAzure(t).behind(t, func(r *http.Request, server http.RoundTripper) (*http.Response, error) {
		if broken.Load() && r.URL.Query().Get("comp") == "metadata" {
			return nil, errors.New("lost")
		}
		return server.RoundTrip(r)
	})
	broken.Store(true)
	l := a.locker(t, bucket.Config{Holder: "http://10.0.0.1:3000"})
	held, _ := mustLock(t, l)
	if holder, err := l.Holder(t.Context(), lockName); holder != "" || err != nil {
		t.Errorf("the holder is %q, %v, want none yet", holder, err)
	}
	broken.Store(false)
	lockstest.Eventually(t, "the holder is said", func() error {
		if err := context.Cause(held); err != nil {
			t.Fatal(err)
		}
		holder, err := l.Holder(t.Context(), lockName)
		if err == nil && holder != "http://10.0.0.1:3000" {
			err = fmt.Errorf("it is %q", holder)
		}
		return err
	})
}

func TestALeaseThatAzureDoesNotGrantIsRefused(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{-1, 15*time.Second - 1, time.Minute + 1} {
		if _, err := bucket.OpenLeases(t.Context(), nil, bucket.Config{Lease: d}); err == nil || !strings.Contains(err.Error(), "Tiers.Locks.Lease") {
			t.Errorf("a lease of %v: got %v, want Tiers.Locks.Lease named", d, err)
		}
	}
	for _, d := range []time.Duration{0, 15 * time.Second, 15*time.Second + 1, time.Minute} {
		if _, err := bucket.OpenLeases(t.Context(), nil, bucket.Config{Lease: d}); err != nil {
			t.Errorf("a lease of %v: %v", d, err)
		}
	}
	for _, holder := range []string{"a b", "ä", "a\n"} {
		if _, err := bucket.OpenLeases(t.Context(), nil, bucket.Config{Holder: holder}); err == nil {
			t.Errorf("a holder that says %q is not refused", holder)
		}
	}
}

func TestABucketWithoutLeasesSaysSo(t *testing.T) {
	t.Parallel()
	b, err := store.OpenGCS(t.Context(), store.GCS{Bucket: "modules", Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := bucket.OpenLeases(t.Context(), b, bucket.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, _, err := l.Lock(lockstest.Within(t), lockName); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("lock: got %v, want ErrUnsupported", err)
	}
	if _, err := l.Holder(t.Context(), lockName); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("holder: got %v, want ErrUnsupported", err)
	}
}
