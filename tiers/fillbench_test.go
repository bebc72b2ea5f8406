package tiers_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// What it costs a cold go.mod that a store is to have it: the queue's entry is made
// durable before the last byte is served. The upstream and the store cost nothing
// here; 32 clients ask at once.
func BenchmarkColdFill(b *testing.B) {
	for name, stores := range map[string][]tiers.Level{"no store": nil, "queued for a store": {{Name: "s3", Store: discard{}}}} {
		b.Run(name, func(b *testing.B) {
			log := slog.New(slog.DiscardHandler)
			disk, err := tiers.OpenDisk(b.TempDir(), tiers.DiskLimits{}, log)
			if err != nil {
				b.Fatal(err)
			}
			defer disk.Close()
			s := &tiers.Stack{Caches: []tiers.Cache{disk}, Disk: disk, Stores: stores, Upstream: anyMod{}, Log: log}
			if stores != nil {
				s.Queue = &tiers.Queue{Log: log}
				defer s.Queue.Close()
			}
			var n atomic.Int64
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r := tiers.Ref{Path: "example.com/m", Version: fmt.Sprintf("v1.%d.0", n.Add(1)), Kind: tiers.Mod}
					o, err := s.Open(context.Background(), r)
					if err != nil {
						b.Error(err)
						return
					}
					if _, err := tierstest.ReadObject(o); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.StopTimer()
			s.Drain(context.Background())
		})
	}
}

// anyMod has a go.mod under every name.
type anyMod struct{}

func (anyMod) Open(context.Context, tiers.Ref) (*tiers.Object, error) {
	return tiers.NewObject([]byte("module example.com/m\n"), time.Time{}, "upstream"), nil
}

// A discard is a store that takes all and has nothing.
type discard struct{ tiers.Store }

func (discard) Open(context.Context, tiers.Ref) (*tiers.Object, error) {
	return nil, fs.ErrNotExist
}
func (discard) Save(context.Context, module.Version, tiers.Files) error { return nil }
