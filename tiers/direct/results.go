package direct

import (
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/module"
)

// How long a result is at hand, and how many and how large they are together. It
// is the time in which a go command asks for the other files of a version; for
// longer, they are in the tiers.
const (
	keptFor    = time.Minute
	maxResults = 256
	maxSmalls  = 64 << 20 // in memory
	maxZips    = 2 << 30  // on disk
)

// results are the files of the last fetches.
type results struct {
	mu sync.Mutex // guards what follows
	m  map[module.Version]*result
	by []*result // the oldest first
}

type result struct {
	*files
	version  module.Version
	size     int64 // of the zip
	outdated *time.Timer
}

func (s *results) get(v module.Version) *files {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.m[v]; r != nil {
		return r.files
	}
	return nil
}

// put keeps what a fetch brought, in place of what an earlier one did. A zip that is
// there stays: small files that were asked for before it may come after it.
func (s *results) put(v module.Version, at *files) {
	if had := s.get(v); had != nil && had.zip != "" && at.zip == "" {
		return
	}
	r := &result{files: at, version: v}
	if at.zip != "" {
		if info, err := os.Stat(at.zip); err == nil {
			r.size = info.Size()
		}
	}
	r.outdated = time.AfterFunc(keptFor, func() { s.remove(func(q *result) bool { return q == r }) })
	s.remove(func(q *result) bool { return q.version == v })
	s.mu.Lock()
	if s.m == nil {
		s.m = map[module.Version]*result{}
	}
	s.m[v] = r
	s.by = append(s.by, r)
	n, smalls, zips := 0, 0, int64(0)
	keep := map[*result]bool{}
	for _, r := range slices.Backward(s.by) {
		n, smalls, zips = n+1, smalls+len(r.info)+len(r.mod), zips+r.size
		keep[r] = n == 1 || n <= maxResults && smalls <= maxSmalls && zips <= maxZips
	}
	s.mu.Unlock()
	s.remove(func(q *result) bool { k, ok := keep[q]; return ok && !k })
}

// remove forgets results. Who has one of the zips open keeps it.
func (s *results) remove(which func(*result) bool) {
	s.mu.Lock()
	var gone []*result
	s.by = slices.DeleteFunc(s.by, func(r *result) bool {
		if !which(r) {
			return false
		}
		gone = append(gone, r)
		if s.m[r.version] == r {
			delete(s.m, r.version)
		}
		return true
	})
	s.mu.Unlock()
	for _, r := range gone {
		r.outdated.Stop()
		if r.zip != "" {
			os.Remove(r.zip) // else it goes at Close
		}
	}
}

func (s *results) clear() { s.remove(func(*result) bool { return true }) }
