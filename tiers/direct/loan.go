package direct

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A loan is a clone that nobody else has meanwhile, or the promise that nobody else
// fetches one for modules like this one.
type loan struct {
	*shelf
	what  string // the key in lent
	clone *clone // nil if there is none yet
}

// borrow lends the clone in which path is likely to be. If another command has it,
// borrow waits, or returns nil if it is not to.
func (s *shelf) borrow(ctx context.Context, path string, wait bool) (*loan, error) {
	for {
		s.mu.Lock()
		c := s.clone(path)
		what := "like " + likelyRoot(path)
		if c != nil {
			what = c.key
		}
		back := s.lent[what]
		if back == nil {
			s.lent[what] = make(chan struct{})
		}
		s.mu.Unlock()
		switch {
		case back == nil:
			return &loan{s, what, c}, nil
		case !wait:
			return nil, nil
		}
		select {
		case <-back:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// clone returns the one with the longest root above path. The caller holds s.mu.
func (s *shelf) clone(path string) *clone {
	for {
		if c := s.roots[path]; c != nil {
			return c
		}
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return nil
		}
		path = path[:i]
	}
}

// likelyRoot guesses what repository a module is in of which nothing is known. A
// wrong guess makes one fetch wait for another, or two fetch the same.
func likelyRoot(path string) string {
	elems := strings.Split(path, "/")
	for i, e := range elems {
		if strings.HasSuffix(e, ".git") {
			return strings.Join(elems[:i+1], "/")
		}
	}
	return strings.Join(elems[:min(len(elems), 3)], "/")
}

// take moves the clone that was lent to where the go command looks for it.
func (l *loan) take(vcs string) error {
	if l == nil || l.clone == nil {
		return nil
	}
	if err := os.WriteFile(filepath.Join(vcs, l.clone.key+".info"), []byte(l.clone.info), 0o600); err != nil {
		return err
	}
	return os.Rename(l.path(l.clone.key, "git"), filepath.Join(vcs, l.clone.key))
}

// back gives back what was lent, and then keeps to the bound.
func (l *loan) back() {
	if l == nil {
		return
	}
	l.mu.Lock()
	back := l.lent[l.what]
	delete(l.lent, l.what)
	l.mu.Unlock()
	close(back)
	l.evict()
}

// keep puts a clone from dir on the shelf, or back there.
func (l *loan) keep(dir, key, info, root string) error {
	c, release := l.claim(key)
	if release == nil {
		return nil // somebody else has the same one and brings it back
	}
	defer release()
	own := l.clone != nil && c == l.clone
	roots, size := []string{root}, int64(0)
	if c != nil {
		roots, size = union(c.roots, root), c.size
	}
	if c == nil || own {
		var err error
		if size, err = sizeOf(dir); err != nil {
			return err
		}
		if err := os.MkdirAll(l.path(key), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(l.path(key, "info"), []byte(info), 0o600); err != nil {
			return err
		}
		if err := os.Rename(dir, l.path(key, "git")); err != nil {
			return err
		}
	}
	if err := os.WriteFile(l.path(key, "roots"), []byte(strings.Join(roots, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c == nil {
		c = &clone{key: key, info: info}
		l.clones[key] = c
	}
	l.size += size - c.size
	c.size, c.used, c.roots = size, time.Now(), roots
	for _, r := range roots {
		l.roots[r] = c
	}
	return nil
}

// claim gives the right to what lies under a key, unless another loan has it.
func (l *loan) claim(key string) (c *clone, release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c = l.clones[key]
	if l.what == key {
		return c, func() {}
	}
	if l.lent[key] != nil {
		return nil, nil
	}
	back := make(chan struct{})
	l.lent[key] = back
	return c, func() {
		l.mu.Lock()
		delete(l.lent, key)
		l.mu.Unlock()
		close(back)
	}
}

func union(roots []string, root string) []string {
	if root == "" || slices.Contains(roots, root) {
		return roots
	}
	return append(slices.Clone(roots), root)
}

// drop forgets the clone that was lent.
func (l *loan) drop() {
	if l.clone == nil {
		return
	}
	l.mu.Lock()
	if l.clones[l.clone.key] == l.clone {
		l.unlist(l.clone)
	}
	l.mu.Unlock()
	l.remove(l.clone.key)
	l.clone = nil
}
