package tiers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/mod/module"
)

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
