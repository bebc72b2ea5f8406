package main

import "syscall"

// own makes a process lead a group, and die if we are killed and cannot stop it.
func own() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
