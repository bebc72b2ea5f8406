package lease

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/locks"
)

var errDown = errors.New("down")

// hold holds a lease of 15 s for at most 15 min.
func hold(ctx context.Context, renew func(context.Context) error) (held context.Context, unlock func(), released *int) {
	now := time.Now()
	released = new(int)
	held, unlock = Hold{
		Since:   now,
		Limit:   15 * time.Minute,
		Keep:    Renewal{Granted: now, Length: 15 * time.Second, Renew: renew}.Keep,
		Release: func(context.Context) { *released++ },
	}.Start(ctx)
	return held, unlock, released
}

// wantLost wants held to be lost after at most that long, and not before least.
func wantLost(t *testing.T, held context.Context, least, most time.Duration) {
	t.Helper()
	from := time.Now()
	<-held.Done()
	if d := time.Since(from); d < least || d > most {
		t.Errorf("lost after %v, want %v to %v", d, least, most)
	}
	if err := context.Cause(held); !errors.Is(err, locks.ErrLost) {
		t.Errorf("the cause is %v, want ErrLost", err)
	}
}

func TestALeaseIsRenewedAtAThirdUntilItIsUnlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		renewals := 0
		held, unlock, released := hold(t.Context(), func(context.Context) error { renewals++; return nil })
		time.Sleep(5*time.Minute + time.Second)
		if err := context.Cause(held); err != nil {
			t.Fatalf("held ended: %v", err)
		}
		unlock()
		unlock()
		if renewals != 60 || *released != 1 {
			t.Errorf("%d renewals in 5 min and %d releases, want 60 and 1", renewals, *released)
		}
		if err := context.Cause(held); err != context.Canceled {
			t.Errorf("the cause after unlock is %v, want a cancellation", err)
		}
	})
}

func TestALeaseThatSomebodyElseHasIsLostAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held, unlock, released := hold(t.Context(), func(context.Context) error {
			return fmt.Errorf("%w: another has it", locks.ErrLost)
		})
		wantLost(t, held, 5*time.Second, 5*time.Second)
		unlock()
		if *released != 1 {
			t.Errorf("%d releases, want 1: what is lost may be there still", *released)
		}
	})
}

func TestALeaseIsLostBeforeItsEndIfNobodyRenewsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		held, unlock, _ := hold(t.Context(), func(context.Context) error { tries++; return errDown })
		wantLost(t, held, 13*time.Second, 14*time.Second)
		unlock()
		if err := context.Cause(held); !errors.Is(err, errDown) {
			t.Errorf("the cause is %v, want the last error in it", err)
		}
		if tries < 3 {
			t.Errorf("%d renewals were tried, want some", tries)
		}
	})
}

func TestALeaseIsLostBeforeItsEndIfNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held, unlock, _ := hold(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		wantLost(t, held, 13*time.Second, 14*time.Second)
		unlock()
	})
}

func TestAnOutageShorterThanTheLeaseIsNoLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		held, unlock, _ := hold(t.Context(), func(context.Context) error {
			if d := time.Since(start); d > 20*time.Second && d < 32*time.Second {
				return errDown
			}
			return nil
		})
		time.Sleep(5 * time.Minute)
		if err := context.Cause(held); err != nil {
			t.Errorf("held ended: %v", err)
		}
		unlock()
	})
}

func TestNobodyHoldsALeaseForLongerThanTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held, unlock, released := hold(t.Context(), func(context.Context) error { return nil })
		wantLost(t, held, 15*time.Minute, 15*time.Minute)
		synctest.Wait()
		if *released != 1 {
			t.Errorf("%d releases without an unlock, want 1", *released)
		}
		unlock()
	})
}

func TestUnlockDoesNotWaitForARenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, unlock, _ := hold(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		time.Sleep(6 * time.Second)
		unlock()
		if d := time.Since(start); d != 6*time.Second {
			t.Errorf("unlock took %v", d-6*time.Second)
		}
	})
}
