package metrics

import (
	"math"

	"github.com/modtier/modtier/tiers"
)

// Disk reads how full the file system is that a disk tier lies in, where the system
// tells.
func (m *Metrics) Disk(d *tiers.Disk) {
	if _, _, err := d.FileSystem(); err != nil {
		return
	}
	read := func(which func(free, size int64) int64) func() float64 {
		return func() float64 {
			free, size, err := d.FileSystem()
			if err != nil {
				return math.NaN()
			}
			return float64(which(free, size))
		}
	}
	m.read("filesystem_free_bytes", "Bytes that are free in the file system of the disk tier.", nil,
		read(func(free, size int64) int64 { return free }))
	m.read("filesystem_size_bytes", "Size of the file system of the disk tier.", nil,
		read(func(free, size int64) int64 { return size }))
	m.read("filesystem_floor_bytes", "Bytes of it that the disk tier leaves free; 0 is none.", nil,
		func() float64 { return float64(d.Floor()) })
}
