package tiers

import (
	"cmp"
	"math"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// touchEvery is how often the use of a file is written to its access time, the
// only record of recency that outlives the process. A file read ten thousand
// times costs one write in this time.
const touchEvery = 10 * time.Minute

// storeKnown is how many files an unbounded disk tier remembers to be sound.
// It evicts nothing, so it needs no record of the others.
const storeKnown = 1 << 16

// An index knows the files of a disk tier, from the least to the most recently
// used. It takes some 300 bytes of memory a file.
//
// The file system is the truth: the index is rebuilt from it at every start,
// in the background, and a name that it lacks is looked for all the same.
type index struct {
	bounded bool // if false, bytes and files are counted, and nothing is evicted

	mu       sync.Mutex // guards all below
	known    *simplelru.LRU[string, known]
	bytes    int64
	files    int64
	reserved int64            // bytes of files that are about to get their names
	complete bool             // the files found at the start are in
	pinned   map[string]int64 // the bytes in each directory that must not go
	pins     int64            // their sum
}

// known is what the index knows of a file.
type known struct {
	size    int64
	sound   bool      // its content was checked, or written, by this process
	touched time.Time // when its access time was last written: its last use, but for touchEvery
}

// A found file is one that the walk at the start met, or that has to go.
type found struct {
	name  string
	size  int64
	atime time.Time
}

func newIndex(bounded bool) *index {
	n := storeKnown
	if bounded {
		n = math.MaxInt
	}
	lru, _ := simplelru.NewLRU[string, known](n, nil) // fails only for n <= 0
	return &index{bounded: bounded, known: lru, pinned: make(map[string]int64)}
}

// pin keeps the files in dir, of so many bytes in all, from eviction until unpin.
func (x *index) pin(dir string, bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pins += bytes - x.pinned[dir]
	x.pinned[dir] = bytes
}

func (x *index) unpin(dir string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pins -= x.pinned[dir]
	delete(x.pinned, dir)
}

// use records that name was opened now, with that size. It reports whether the
// file is known to be sound, and whether its access time is to be written.
func (x *index) use(name string, size int64, now time.Time) (sound, touch bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	k, ok := x.known.Get(name)
	if !ok {
		return false, false
	}
	if x.bounded && now.Sub(k.touched) >= touchEvery {
		touch = true
		k.touched = now
		x.known.Add(name, k)
	}
	return k.sound && k.size == size, touch
}

// add records a file that was just written, if fresh, or else found sound.
func (x *index) add(name string, size int64, now time.Time, fresh bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	k, ok := x.known.Peek(name)
	if !ok {
		k.touched = now
	}
	if ok {
		x.bytes += size - k.size
	} else if fresh || x.bounded {
		x.bytes += size
		x.files++
	}
	k.size, k.sound = size, true
	x.known.Add(name, k)
}

// forget drops name, which is gone from the disk, and reports whether it was
// known. If it was not, size says how much is gone; 0 if nothing is.
func (x *index) forget(name string, size int64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	k, ok := x.known.Peek(name)
	if ok {
		x.known.Remove(name)
		size = k.size
	} else if size == 0 || !x.complete || x.bounded {
		return false // it was not counted
	}
	x.bytes -= size
	x.files--
	return ok
}

// fillIn takes what the walk found. It holds the lock only for as long as the
// files that were used since the start take.
func (x *index) fillIn(all []found) {
	if !x.bounded {
		var bytes int64
		for _, f := range all {
			bytes += f.size
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		x.bytes, x.files, x.complete = bytes, int64(len(all)), true
		return
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(a.atime.Compare(b.atime), cmp.Compare(a.name, b.name)) })
	lru, _ := simplelru.NewLRU[string, known](math.MaxInt, nil)
	var bytes int64
	for _, f := range all {
		lru.Add(f.name, known{size: f.size, touched: f.atime})
		bytes += f.size
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, name := range x.known.Keys() { // oldest first
		k, _ := x.known.Peek(name)
		if old, ok := lru.Peek(name); ok {
			bytes -= old.size
		}
		lru.Add(name, k)
		bytes += k.size
	}
	x.known, x.bytes, x.files, x.complete = lru, bytes, int64(lru.Len()), true
}

// reserve counts incoming bytes as taken until release, and takes the least
// recently used files that are not pinned out of the index until all stays within
// limit (0 is no limit) and the file system has got back the bytes that it lacks.
// It reports false, and takes none, if even that would not be enough. Before the index is
// complete it takes none either, for it does not know yet which file is the oldest.
func (x *index) reserve(incoming, limit, lacking int64) (victims []found, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if limit > 0 && x.pins+x.reserved+incoming > limit {
		return nil, false
	}
	x.reserved += incoming
	if !x.bounded || !x.complete {
		return nil, true
	}
	need := lacking
	if limit > 0 {
		need = max(need, x.bytes+x.reserved-limit)
	}
	for range x.known.Len() {
		if need <= 0 {
			break
		}
		name, k, ok := x.known.RemoveOldest()
		if !ok {
			break
		}
		if _, ok := x.pinned[path.Dir(name)]; ok {
			x.known.Add(name, k) // out of the way of the next search
			continue
		}
		x.bytes -= k.size
		x.files--
		need -= k.size
		victims = append(victims, found{name, k.size, k.touched})
	}
	return victims, true
}

// release gives back reserved bytes that are not needed, or are counted now.
func (x *index) release(bytes int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.reserved -= bytes
}

// usage returns the bytes and the number of files held.
func (x *index) usage() (bytes, files int64, complete bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.bytes, x.files, x.complete
}
