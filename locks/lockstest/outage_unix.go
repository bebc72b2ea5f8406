//go:build unix

package lockstest

import (
	"syscall"
	"testing"

	"github.com/modtier/modtier/locks"
)

// Outage tests that an outage of s, in which l's locks are, costs l the lock that it
// holds, and no more.
func Outage(t *testing.T, s *Server, l locks.Locker) {
	t.Run("a paused server costs the lock", func(t *testing.T) {
		held, unlock := lock(t, l, "a")
		s.Signal(t, syscall.SIGSTOP)
		WaitLost(t, held)
		unlock()
		s.Signal(t, syscall.SIGCONT)
		Relock(t, l, "a")
	})
	t.Run("a restarted server is used again", func(t *testing.T) {
		held, unlock := lock(t, l, "a")
		s.Kill(t)
		WaitLost(t, held)
		unlock()
		if _, _, err := l.Lock(Within(t), "a"); err == nil {
			t.Fatal("got a lock from a dead server")
		}
		s.Start(t)
		Relock(t, l, "a")
	})
}
