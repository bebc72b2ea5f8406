package main

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/modtier/modtier/config"
	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/memory"
)

// openDisk opens the disk tier, which is the store if StorageType says so: a store
// does not forget.
func (s *service) openDisk(c *config.Config, m *metrics.Metrics, log *slog.Logger) (*tiers.Disk, error) {
	limits := tiers.DiskLimits{
		Size:    c.Tiers.Disk.Size,
		Free:    c.Tiers.Disk.Free,
		Evicted: func(reason string, age time.Duration) { m.Evicted("disk", reason, age) },
	}
	key := "Tiers.Disk.Path (MODTIER_DISK_PATH)"
	if c.StorageType == "disk" {
		limits, key = tiers.DiskLimits{}, "Storage.Disk.RootPath (ATHENS_DISK_STORAGE_ROOT)"
	}
	disk, err := tiers.OpenDisk(c.Tiers.Disk.Path, limits, log)
	if err != nil {
		return nil, fmt.Errorf("%w; set %s to a directory that can be written", err, key)
	}
	s.closers = append(s.closers, func() { disk.Close() })
	return disk, nil
}

// openCaches returns the tiers above the stores, of which disk is the last.
func (s *service) openCaches(c *config.Config, disk *tiers.Disk, m *metrics.Metrics) (caches []tiers.Cache, err error) {
	for _, name := range c.Tiers.Stack {
		switch name {
		case "memory":
			mem, err := memory.Open(c.Tiers.Memory.Size, func(age time.Duration) { m.Evicted("memory", "size", age) })
			if err != nil {
				return nil, err
			}
			s.closers = append(s.closers, mem.Close)
			caches = append(caches, s.traces.Cache(m.Cache(mem, name, mem.Usage, mem.Limit()), name))
			s.shown = append(s.shown, shown{name: name, role: "cache", usage: mem.Usage, limit: mem.Limit(), look: tiers.LookInto(mem)})
			s.picture = append(s.picture, "memory "+sizeText(c.Tiers.Memory.Size))
		case "disk":
			caches = append(caches, s.traces.Cache(m.Cache(disk, name, disk.Usage, disk.Limit()), name))
			s.showDisk(c, disk)
			s.picture = append(s.picture, "disk "+sizeText(disk.Limit())+" "+c.Tiers.Disk.Path)
		}
	}
	return caches, nil
}

// sizeText returns a number of bytes for a person.
func sizeText(n int64) string {
	if n == 0 {
		return "unbounded"
	}
	size, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if size < 1024 {
			break
		}
		size, unit = size/1024, next
	}
	return strconv.FormatFloat(math.Round(size*100)/100, 'f', -1, 64) + unit
}
