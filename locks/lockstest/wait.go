package lockstest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/modtier/modtier/locks"
)

// WaitLost waits until held is done, and that because the lock was lost.
func WaitLost(t testing.TB, held context.Context) {
	t.Helper()
	select {
	case <-held.Done():
	case <-Within(t).Done():
		t.Fatal("the loss was not noticed")
	}
	if err := context.Cause(held); !errors.Is(err, locks.ErrLost) {
		t.Errorf("the cause of the end is %v, want ErrLost", err)
	}
	if held.Err() != context.Canceled {
		t.Errorf("held ended with %v, want a cancellation", held.Err())
	}
}

// Relock waits until l locks name, and unlocks it.
func Relock(t testing.TB, l locks.Locker, name string) {
	t.Helper()
	Eventually(t, "there are locks again", func() error {
		_, unlock, err := l.Lock(Within(t), name)
		if err == nil {
			unlock()
		}
		return err
	})
}

// Eventually waits until ask has no error.
func Eventually(t testing.TB, what string, ask func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s: %v", what, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
