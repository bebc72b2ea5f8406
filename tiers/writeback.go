package tiers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/mod/module"
)

// An outcome is how a save of an entry went.
type outcome struct {
	left     []string // stores that still lack it
	verified bool
	err      error // nil, and stores left: these want the version whole
}

// save saves what w names into the stores that lack it.
func (q *Queue) save(ctx context.Context, w waiting) (o outcome) {
	v := w.module()
	o = outcome{left: w.Stores, verified: w.verified}
	f, err := q.stack.hold(ctx, v, w.Whole)
	if err != nil {
		o.err = err
		if errors.Is(err, fs.ErrNotExist) {
			// The process that queued it died before the file had its name,
			// and nobody has it any more.
			o.left = nil
		}
		return o
	}
	defer f.Close()
	if !o.verified && q.Verify != nil {
		err := q.Verify.CheckVersion(ctx, v, f.Files)
		switch {
		case errors.Is(err, ErrCorrupt):
			q.stack.reject(ctx, v)
			o.left = nil
		case errors.Is(err, ErrUnknown) && w.tries >= unknownUpTo:
			err = fmt.Errorf("%w; if its name is to be kept from the database, add it to NoSumPatterns (ATHENS_GONOSUM_PATTERNS)", err)
			o.left = nil
		}
		if err != nil {
			o.err = err
			return o
		}
	}
	o.left, o.verified = nil, true
	var errs []error
	for _, name := range w.Stores {
		err := q.saveInto(ctx, q.stack.Stores[q.stack.level(name)], v, f.Files)
		if err == nil {
			continue
		}
		o.left = append(o.left, name)
		if !errors.Is(err, ErrWhole) || w.Whole {
			errs = append(errs, err)
		}
	}
	o.err = errors.Join(errs...)
	return o
}

func (q *Queue) saveInto(ctx context.Context, s Level, v module.Version, f Files) error {
	ctx, cancel := context.WithTimeoutCause(ctx, q.stack.Timeout,
		fmt.Errorf("the save took longer than %v: %w", q.stack.Timeout, context.DeadlineExceeded))
	defer cancel()
	return s.Save(ctx, v, f)
}

// tell logs what went wrong with v.
func (q *Queue) tell(v module.Version, o outcome) {
	switch {
	case o.err == nil, errors.Is(o.err, ErrDown) && len(o.left) > 0:
		// A store that is down has said so once.
	case len(o.left) > 0:
		q.Log.Warn("a version could not be saved and waits for another try", "version", v, "err", o.err)
	case errors.Is(o.err, fs.ErrNotExist):
		q.Log.Warn("a version that waited for a save is nowhere any more", "version", v, "err", o.err)
	default:
		q.Log.Error("a version is not saved", "version", v, "err", o.err)
	}
}

// held are files of a version that lie on the disk tier, open.
type held struct {
	Files
	zip io.Closer
}

func (h *held) Close() error {
	if h.zip == nil {
		return nil
	}
	return h.zip.Close()
}

// hold opens the files of v, or its go.mod alone, and brings to disk what is
// not there.
func (s *Stack) hold(ctx context.Context, v module.Version, whole bool) (*held, error) {
	h := new(held)
	var err error
	if h.Mod, err = s.holdSmall(ctx, Ref{v.Path, v.Version, Mod}); err != nil || !whole {
		return h, err
	}
	if h.Info, err = s.holdSmall(ctx, Ref{v.Path, v.Version, Info}); err != nil {
		return nil, err
	}
	o, err := s.holdFile(ctx, Ref{v.Path, v.Version, Zip})
	if err != nil {
		return nil, err
	}
	h.zip = o.Body
	h.Zip = io.NewSectionReader(o.Body.(io.ReaderAt), 0, o.Size)
	return h, nil
}

// holdSmall reads the info or go.mod that r names. If there is no room for it on
// disk it is read all the same, lest a full disk stay full of what waits for it.
func (s *Stack) holdSmall(ctx context.Context, r Ref) ([]byte, error) {
	o, err := s.holdFile(ctx, r)
	if errors.Is(err, errNoRoom) || errors.Is(err, errNoSpool) {
		o, err = s.direct(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	b := make([]byte, o.Size)
	if _, err := io.ReadFull(o.Body, b); err != nil {
		return nil, fmt.Errorf("%s: read %s: %w", o.Tier, r, err)
	}
	return b, nil
}

// holdFile opens the file on disk that r names. If it is not there it is
// filled, and waited for until it has its name, but not until its flight is over:
// that may wait for the very save that needs the file.
func (s *Stack) holdFile(ctx context.Context, r Ref) (*Object, error) {
	for range 2 {
		o, err := s.Disk.Open(ctx, r)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return o, err
		}
		f, _ := s.join(ctx, r)
		err = f.until(ctx, func() bool { return f.landed })
		if err == nil {
			f.mu.Lock()
			err = f.err
			f.mu.Unlock()
		}
		f.leave()
		if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: %w", r, errNoRoom)
}

// reject drops v, which is not what its name says, from the caches, and lets it
// back in only once it has been verified.
func (s *Stack) reject(ctx context.Context, v module.Version) {
	s.mu.Lock()
	s.suspects.Add(v, struct{}{})
	s.mu.Unlock()
	if err := s.Forget(ctx, v); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.Log.Error("a version that is not what its name says stays in a cache", "version", v, "err", err)
	}
}

// suspect reports whether v was rejected not long ago.
func (s *Stack) suspect(v module.Version) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.suspects.Contains(v)
}
