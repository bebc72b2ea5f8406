//go:build unix && !linux

package main

import "syscall"

// own makes a process lead a group.
func own() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
