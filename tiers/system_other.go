//go:build !linux && !darwin && !freebsd

package tiers

import (
	"errors"
	"os"
	"time"
)

func lock(*os.File) {}

func lockWithin(*os.File, time.Duration) bool { return true }

// tryLock does not know whether anybody uses f, and so takes it as used: what
// a dead process left stays until a person removes it.
func tryLock(*os.File) bool { return false }

// freeSpace is not known here; a full disk shows as a failed write.
func freeSpace(string) (int64, error) { return 0, errors.ErrUnsupported }

func fileSystem(string) (free, size int64, err error) { return 0, 0, errors.ErrUnsupported }
