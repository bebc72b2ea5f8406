package locks_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/lockstest"
)

func TestRoster(t *testing.T) {
	var l locks.Local
	lockstest.Test(t, lockstest.Service{Open: func(testing.TB) locks.Locker { return &locks.Roster{Locker: &l} }})
}

// lists checks what the roster tells of n locks.
func lists(t *testing.T, r *locks.Roster, n int, want string) {
	t.Helper()
	var got []string
	held, all := r.Held(n)
	for _, h := range held {
		state := "held"
		if h.Waiting {
			state = "waiting"
		} else if h.Lost {
			state = "lost"
		}
		got = append(got, fmt.Sprintf("%s %s %v", h.Name, state, time.Since(h.Since)))
	}
	if g := fmt.Sprintf("%s of %d", strings.Join(got, ", "), all); g != want {
		t.Errorf("got %q, want %q", g, want)
	}
}

// A losing locker's locks are lost when it is told.
type losing struct {
	locks.Local
	lose context.CancelCauseFunc
}

func (l *losing) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	held, unlock, err := l.Local.Lock(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	held, l.lose = context.WithCancelCause(held)
	return held, unlock, nil
}

func TestARosterTellsWhoHoldsAndWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(losing)
		r := &locks.Roster{Locker: l}
		lists(t, r, 9, " of 0")
		_, unlock, err := r.Lock(t.Context(), "a@v1")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		go r.Lock(ctx, "a@v1")
		synctest.Wait()
		time.Sleep(time.Second)
		lists(t, r, 9, "a@v1 held 2s, a@v1 waiting 1s of 2")
		lists(t, r, 1, "a@v1 held 2s of 2")
		cancel()
		synctest.Wait()
		lists(t, r, 9, "a@v1 held 2s of 1")
		l.lose(locks.ErrLost)
		synctest.Wait()
		lists(t, r, 9, "a@v1 lost 2s of 1")
		unlock()
		lists(t, r, 9, " of 0")
	})
}
