package lockstest

import (
	"os"
	"os/exec"
	"testing"
)

// A Server is a server of the test's own, one that it may disturb.
type Server struct {
	Args []string // its program, and what it is told

	cmd *exec.Cmd
}

// Start starts s, which may have been killed before. It ends with the test.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	first := s.cmd == nil
	s.cmd = exec.Command(s.Args[0], s.Args[1:]...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if first { // its clients, which came later, are closed before it
		t.Cleanup(func() {
			if s.cmd.Process != nil {
				s.cmd.Process.Kill()
				s.cmd.Wait()
			}
		})
	}
}

// Signal sends sig to s.
func (s *Server) Signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// Kill ends s.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.Signal(t, os.Kill)
	s.cmd.Wait()
}
