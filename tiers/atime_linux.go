package tiers

import (
	"io/fs"
	"syscall"
	"time"
)

// accessTime returns when the file was last used, as index.use keeps it.
func accessTime(info fs.FileInfo) time.Time {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(s.Atim.Unix())
	}
	return info.ModTime()
}
