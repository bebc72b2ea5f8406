package tiers

import (
	"os"
	"path"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxDirs is how many directories are kept open.
const maxDirs = 256

// dirs keeps the directories of the versions used last open. A root is confined
// at the price of two system calls for each element of a path, which for a hit
// on disk is the dearest part after the copying.
type dirs struct {
	mu   sync.Mutex // guards open
	open *simplelru.LRU[string, *os.Root]
}

func newDirs() *dirs {
	// A root that is in use while it is closed stays open until it is not.
	lru, _ := simplelru.NewLRU(maxDirs, func(_ string, r *os.Root) { r.Close() })
	return &dirs{open: lru}
}

// openFile opens a file below root.
func (c *dirs) openFile(root *os.Root, name string) (*os.File, error) {
	dir, file := path.Split(name)
	c.mu.Lock()
	r, ok := c.open.Get(dir)
	c.mu.Unlock()
	if ok {
		f, err := r.Open(file)
		if err == nil {
			return f, nil
		}
		// The directory may have been removed, and made anew since.
		c.mu.Lock()
		if now, _ := c.open.Peek(dir); now == r {
			c.open.Remove(dir)
		}
		c.mu.Unlock()
	}
	r, err := root.OpenRoot(path.Clean(dir))
	if err != nil {
		return nil, err
	}
	f, err := r.Open(file)
	if err != nil {
		r.Close()
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.open.Peek(dir); ok {
		r.Close() // somebody was faster
	} else {
		c.open.Add(dir, r)
	}
	return f, nil
}

func (c *dirs) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open.Purge()
}
