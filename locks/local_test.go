package locks_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/lockstest"
)

func TestLocal(t *testing.T) {
	var l locks.Local
	lockstest.Test(t, lockstest.Service{Open: func(testing.TB) locks.Locker { return &l }})
}

func TestLocalServesInTheOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l locks.Local
		_, unlock, err := l.Lock(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var got []int
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				_, unlock, err := l.Lock(t.Context(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				got = append(got, i)
				mu.Unlock()
				unlock()
			})
			synctest.Wait()
		}
		unlock()
		wg.Wait()
		for i, n := range got {
			if i != n {
				t.Fatalf("the lock went to %v, want the order of arrival", got)
			}
		}
	})
}

// The turn may come in the moment in which the wait ends.
func TestLocalPassesOnATurnThatCameTooLate(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			var l locks.Local
			_, unlock, err := l.Lock(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var wg sync.WaitGroup
			wg.Go(func() {
				_, unlock, err := l.Lock(ctx, "a")
				if err == nil {
					unlock()
				} else if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
			time.Sleep(time.Second)
			unlock()
			wg.Wait()
			_, unlock, err = l.Lock(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			unlock()
		})
	}
}
