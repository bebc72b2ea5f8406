package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/lockstest"
	"github.com/modtier/modtier/locks/mongo"
)

func (s *site) insert(t testing.TB, docs ...any) {
	t.Helper()
	if _, err := s.locks().InsertMany(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
}

// leaveDead leaves what a holder leaves that died after so many beats, of which
// the last may be of one that died while it took over.
func (s *site) leaveDead(t testing.TB, name string, beats int, by string) {
	t.Helper()
	docs := []any{bson.M{"_id": name, "token": "DEAD", "holder": "http://dead", "lease": int64(1000)}}
	for n := 1; n <= beats; n++ {
		d := bson.M{"_id": fmt.Sprintf("%s DEAD %d", name, n), "by": "DEAD"}
		if n == beats {
			d["by"] = by
		}
		docs = append(docs, d)
	}
	s.insert(t, docs...)
}

func TestTheLockOfOneThatDiedIsTakenOverAfterItsLease(t *testing.T) {
	for name, dead := range map[string]struct {
		beats int
		by    string
	}{
		"before its first beat":         {0, ""},
		"after a beat":                  {1, "DEAD"},
		"after many":                    {57, "DEAD"},
		"and so did who took it over":   {1, "TAKER"},
		"after many, and so did taker":  {30, "TAKER"},
		"after as many as one look has": {10, "DEAD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, uri(t))
			s.leaveDead(t, "a", dead.beats, dead.by)
			l := s.open(t, mongo.Config{Lease: time.Hour, TTL: 2 * time.Hour})
			from := time.Now()
			_, unlock, err := l.Lock(lockstest.Within(t), "a")
			if err != nil {
				t.Fatal(err)
			}
			if d := time.Since(from); d < time.Second {
				t.Errorf("got it after %v, want to wait for the holder's lease", d)
			}
			if d := s.stored(t)["a"]; d["token"] == "DEAD" {
				t.Errorf("the gate is still %v", d)
			}
			unlock()
			s.empties(t)
		})
	}
}

func TestALeaseThatNobodyMayHaveDoesNotCount(t *testing.T) {
	t.Parallel()
	s := newSite(t, uri(t))
	s.insert(t, bson.M{"_id": "a", "token": "DEAD", "lease": int64(1) << 50})
	_, unlock, err := s.open(t, mongo.Config{Lease: time.Second}).Lock(lockstest.Within(t), "a")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

// No single wait is as long as the lease.
func TestWhatWasSeenIsRememberedBetweenWaits(t *testing.T) {
	t.Parallel()
	s := newSite(t, uri(t))
	s.leaveDead(t, "a", 1, "DEAD")
	l := s.open(t, mongo.Config{})
	lockstest.Eventually(t, "it is taken over", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
		defer cancel()
		_, unlock, err := l.Lock(ctx, "a")
		if err == nil {
			unlock()
		}
		return err
	})
}

func TestOneOfManyTakesOver(t *testing.T) {
	t.Parallel()
	s := newSite(t, uri(t))
	var lockers []locks.Locker
	for range 4 {
		lockers = append(lockers, s.open(t, mongo.Config{Lease: 5 * time.Second}))
	}
	const names = 3
	ctx := lockstest.Within(t)
	var inside [names]atomic.Int64
	var wg sync.WaitGroup
	for n := range names {
		name := fmt.Sprint("a", n)
		s.leaveDead(t, name, n, "DEAD")
		for _, l := range lockers {
			wg.Go(func() {
				held, unlock, err := lockstest.Insist(ctx, l, name)
				if err != nil {
					t.Error(err)
					return
				}
				if k := inside[n].Add(1); k != 1 {
					t.Errorf("%d hold %s at once", k, name)
				}
				time.Sleep(10 * time.Millisecond) // the others look meanwhile
				if err := context.Cause(held); err != nil {
					t.Errorf("held is done: %v", err)
				}
				inside[n].Add(-1)
				unlock()
			})
		}
	}
	wg.Wait()
	s.empties(t)
}

func TestAHolderThatLivesKeepsTheLock(t *testing.T) {
	t.Parallel()
	s := newSite(t, uri(t))
	held, unlock, err := s.open(t, mongo.Config{Lease: lockstest.Lease / 2}).Lock(lockstest.Within(t), "a")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	other := s.open(t, mongo.Config{})
	go func() {
		_, unlock, err := other.Lock(lockstest.Within(t), "a")
		if err == nil {
			unlock()
		}
		got <- err
	}()
	lockstest.Eventually(t, "it has beaten for two leases", func() error {
		if err := context.Cause(held); err != nil {
			t.Fatal(err)
		}
		if len(s.stored(t)) <= 6 {
			return errors.New("it has not")
		}
		return nil
	})
	select {
	case err := <-got:
		t.Errorf("the other got it meanwhile: %v", err)
	default:
	}
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
	s.empties(t)
}

// It alone deletes the gate: else that of the next holder could go, where deletes
// find a document first and then delete what has its _id.
func TestAHolderWhoseBeatIsAnothersLeavesTheGateToIt(t *testing.T) {
	s := newSite(t, uri(t))
	held, unlock, err := s.open(t, mongo.Config{Lease: time.Second}).Lock(lockstest.Within(t), "a")
	if err != nil {
		t.Fatal(err)
	}
	token := s.stored(t)["a"]["token"].(string)
	s.insert(t, bson.M{"_id": "a " + token + " 1", "by": "TAKER"})
	lockstest.WaitLost(t, held)
	unlock()
	if docs := s.stored(t); docs["a"] == nil || docs["a "+token+" 1"] == nil {
		t.Errorf("stored %v, want the gate and the beat", docs)
	}
}
