//go:build linux || darwin || freebsd

package tiers

import (
	"os"
	"syscall"
	"time"
)

// lock takes the lock on f, once nobody else has it, until f is closed.
func lock(f *os.File) {
	for syscall.Flock(int(f.Fd()), syscall.LOCK_EX) == syscall.EINTR {
	}
}

// lockWithin takes the lock on f until f is closed, unless somebody else has it for
// as long as that.
func lockWithin(f *os.File, patience time.Duration) bool {
	for late := time.Now().Add(patience); !tryLock(f); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(late) {
			return false
		}
	}
	return true
}

// tryLock takes the lock on f, if nobody has it, until f is closed.
func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// freeSpace returns how many bytes of dir's file system we may still use.
func freeSpace(dir string) (int64, error) {
	free, _, err := fileSystem(dir)
	return free, err
}

// fileSystem returns how many bytes of dir's file system we may still use, and
// how many there are.
func fileSystem(dir string) (free, size int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize), nil
}
