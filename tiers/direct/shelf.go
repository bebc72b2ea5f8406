package direct

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A shelf keeps clones between commands. A clone is lent to one command at a time,
// as it is changed in place by names that come and go; it is known by the module
// paths at the root of its repository:
//
//	KEY/git/   the bare repository, under the name that the go command gives it
//	KEY/info   the file beside it, which says of what it is a clone
//	KEY/roots  module paths, one a line
type shelf struct {
	dir string
	max int64 // in bytes
	log *slog.Logger

	mu     sync.Mutex // guards what follows
	clones map[string]*clone
	roots  map[string]*clone
	lent   map[string]chan struct{} // closed when it comes back
	size   int64
}

type clone struct {
	key   string
	info  string
	roots []string
	size  int64
	used  time.Time
}

// openShelf finds the clones in dir. Those that it cannot read are removed.
func openShelf(dir string, max int64, log *slog.Logger) *shelf {
	s := &shelf{
		dir: dir, max: max, log: log,
		clones: map[string]*clone{}, roots: map[string]*clone{}, lent: map[string]chan struct{}{},
	}
	entries, _ := os.ReadDir(dir) // none: the shelf is empty
	for _, e := range entries {
		c, err := s.find(e.Name())
		if err != nil {
			log.Warn("direct: a clone cannot be used any more", "clone", e.Name(), "err", err)
			s.remove(e.Name())
			continue
		}
		s.clones[c.key] = c
		s.size += c.size
		for _, root := range c.roots {
			s.roots[root] = c
		}
	}
	s.evict()
	return s
}

func (s *shelf) path(key string, elem ...string) string {
	return filepath.Join(append([]string{s.dir, key}, elem...)...)
}

func (s *shelf) find(key string) (*clone, error) {
	info, err := readBounded(s.path(key, "info"), 64<<10)
	if err != nil {
		return nil, err
	}
	roots, err := readBounded(s.path(key, "roots"), 1<<20)
	if err != nil {
		return nil, err
	}
	used, err := os.Stat(s.path(key, "roots"))
	if err != nil {
		return nil, err
	}
	size, err := sizeOf(s.path(key, "git"))
	return &clone{key: key, info: string(info), roots: strings.Fields(string(roots)), size: size, used: used.ModTime()}, err
}

// sizeOf adds up the files below dir.
func sizeOf(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}

// unlist makes c unknown. The caller holds s.mu.
func (s *shelf) unlist(c *clone) {
	delete(s.clones, c.key)
	for _, root := range c.roots {
		if s.roots[root] == c {
			delete(s.roots, root)
		}
	}
	s.size -= c.size
}

// evict removes what is too much, the least recently used first.
func (s *shelf) evict() {
	for {
		s.mu.Lock()
		var oldest *clone
		for _, c := range s.clones {
			if s.lent[c.key] == nil && (oldest == nil || c.used.Before(oldest.used)) {
				oldest = c
			}
		}
		if s.size <= s.max || oldest == nil {
			s.mu.Unlock()
			return
		}
		s.unlist(oldest)
		gone := make(chan struct{})
		s.lent[oldest.key] = gone // nobody puts another one there meanwhile
		s.mu.Unlock()
		s.remove(oldest.key)
		s.mu.Lock()
		delete(s.lent, oldest.key)
		s.mu.Unlock()
		close(gone)
	}
}

// remove removes a clone's files. What remains is tried again at the next start.
func (s *shelf) remove(key string) {
	if err := os.RemoveAll(s.path(key)); err != nil {
		s.log.Warn("direct: a clone was not removed", "clone", key, "err", err)
	}
}
