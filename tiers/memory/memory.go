// Package memory is the fastest tier: small files on the heap, within a bound
// in bytes, chosen by how often they are asked for.
//
// It is not for zips, which the page cache and sendfile serve better, and it
// may forget, or decline to keep, any file at any time. Start reading at
// [Cache].
package memory

import (
	"context"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// overhead is what an entry costs beside its content, in bytes: key, entry and
// map cells, in round numbers.
const overhead = 256

// typicalSize is the size of a small file from which the number of frequency
// counters is reckoned: half of all go.mod files and nearly all infos are below.
const typicalSize = 1 << 10

// A Cache keeps files in memory. Admission and eviction are ristretto's TinyLFU,
// so a scan over a thousand go.mod files does not drive out the ten that all ask
// for.
type Cache struct {
	c     *ristretto.Cache[string, *entry]
	limit int64
	bytes atomic.Int64
	files atomic.Int64
	clock clock
}

type entry struct {
	ref     tiers.Ref
	content []byte
	modTime time.Time
	used    atomic.Int64 // by the cache's clock
}

func (e *entry) cost() int64 { return int64(len(e.content)) + overhead }

// Open returns a cache of at most size bytes, overhead included. Evicted is
// called for each file that has to go for another, with the time since its last use
// to the second; it may be nil.
func Open(size int64, evicted func(age time.Duration)) (*Cache, error) {
	m := &Cache{limit: size}
	c, err := ristretto.NewCache(&ristretto.Config[string, *entry]{
		NumCounters: max(10*size/(typicalSize+overhead), 1000),
		MaxCost:     size,
		BufferItems: 64,
		// Our own overhead is in the cost that Put states.
		IgnoreInternalCost: true,
		// What is there stays, also if two Puts race.
		ShouldUpdate: func(_, _ *entry) bool { return false },
		OnEvict: func(i *ristretto.Item[*entry]) {
			if evicted != nil && i.Value != nil {
				evicted(m.clock.since(&i.Value.used))
			}
		},
		// OnExit is called for each value that leaves or is not let in.
		OnExit: func(e *entry) {
			if e != nil {
				m.bytes.Add(-e.cost())
				m.files.Add(-1)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("memory: a cache of %d bytes: %w", size, err)
	}
	m.c = c
	m.clock.start()
	return m, nil
}

// Close ends the cache's goroutines.
func (m *Cache) Close() {
	m.c.Close()
	m.clock.stop()
}

// key is r in one string. Neither paths nor versions hold a space.
func key(r tiers.Ref) string {
	return r.Path + " " + r.Version + " " + r.Kind.String()
}

// Open returns the file that r names from memory. A zip is never there.
func (m *Cache) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	if r.Kind == tiers.Zip {
		return nil, fs.ErrNotExist
	}
	e, ok := m.c.Get(key(r))
	// ristretto knows keys by hash only; the entry's own ref makes it certain.
	if !ok || e.ref != r {
		return nil, fs.ErrNotExist
	}
	m.clock.mark(&e.used)
	return tiers.NewObject(e.content, e.modTime, "memory"), nil
}

// Put offers b to the cache. It takes effect a moment later, or not at all; a
// zip is declined.
func (m *Cache) Put(ctx context.Context, r tiers.Ref, b []byte, modTime time.Time) error {
	if r.Kind == tiers.Zip {
		return nil
	}
	if _, err := m.Open(ctx, r); err == nil {
		return nil // what is there stays
	}
	e := &entry{ref: r, content: b, modTime: modTime}
	m.clock.mark(&e.used)
	if e.cost() > m.limit {
		return nil
	}
	m.bytes.Add(e.cost())
	m.files.Add(1)
	if !m.c.Set(key(r), e, e.cost()) {
		m.bytes.Add(-e.cost())
		m.files.Add(-1)
	}
	return nil
}

// Delete forgets the files of v.
func (m *Cache) Delete(ctx context.Context, v module.Version) error {
	m.c.Wait() // a Put under way must not outlive the Delete
	err := fs.ErrNotExist
	for _, k := range []tiers.Kind{tiers.Info, tiers.Mod, tiers.Zip} {
		r := tiers.Ref{Path: v.Path, Version: v.Version, Kind: k}
		if _, e := m.Open(ctx, r); e == nil {
			err = nil
		}
		m.c.Del(key(r))
	}
	return err
}

// Wait waits until all Puts so far have taken effect, for tests.
func (m *Cache) Wait() { m.c.Wait() }

// Usage returns the bytes, overhead included, and the number of files held.
func (m *Cache) Usage() (bytes, files int64) { return m.bytes.Load(), m.files.Load() }

// Limit returns the most bytes that the cache holds.
func (m *Cache) Limit() int64 { return m.limit }
