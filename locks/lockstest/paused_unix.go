//go:build unix

package lockstest

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/modtier/modtier/locks"
)

// Paused tests that a process which is stopped while it holds the lock, for longer
// than the lease, finds that it has lost it, and does not disturb the next holder.
// It runs the test t in one more process; see [Processes].
func Paused(t *testing.T, open func(t testing.TB) locks.Locker) {
	if os.Getenv(partVariable) == "lose" {
		held, unlock := lock(t, open(t), os.Getenv(nameVariable))
		fmt.Println("held")
		WaitLost(t, held)
		unlock()
		fmt.Println("lost")
		return
	}
	l, name := open(t), name(t)
	p := start(t, "lose", name, t.TempDir())
	p.until(t, "held")
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	held, _ := lock(t, l, name)
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	p.until(t, "lost")
	if !isHeld(t, open(t), name) {
		t.Error("the process that had lost the lock released that of another")
	}
	if err := context.Cause(held); err != nil {
		t.Errorf("the process that had lost the lock ended the hold of another: %v", err)
	}
}
