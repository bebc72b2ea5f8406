//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package direct

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// tryLock locks the file until it is closed; nil if somebody else has it, or if
// it cannot be locked.
func tryLock(name string) *os.File {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil
	}
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		file.Close()
		return nil
	}
	return file
}

// checkOwner says whether dir is a directory of ours.
func checkOwner(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(s.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to somebody else", dir)
	}
	return nil
}

// group makes cmd the leader of a process group, which is killed as one: git, ssh
// and their like are children of the go command's.
func group(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd) }
}

// killGroup kills what remains of cmd's group, also after cmd itself has ended.
func killGroup(cmd *exec.Cmd) error {
	return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
}
