package tiers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
)

// direct opens r at the upstream for one client, when there is no place to spool
// it. A zip is not checked then: it is nowhere held until it is known to be sound.
// Its fetch counts as a fill until Body is closed.
func (s *Stack) direct(ctx context.Context, r Ref) (*Object, error) {
	if err := s.sem.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("waiting for one of %d fills to end: %w", s.Fills, err)
	}
	release := sync.OnceFunc(func() { s.sem.Release(1) })
	o, err := s.Upstream.Open(ctx, r)
	if err == nil && r.Kind == Zip {
		o.Body = &releasing{o.Body, release}
		return o, nil
	}
	defer release()
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	b, err := io.ReadAll(io.LimitReader(o.Body, maxSmall+1))
	if err == nil && o.Size >= 0 && int64(len(b)) != o.Size {
		err = fmt.Errorf("%d of %d bytes came: %w", len(b), o.Size, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	if err := checkSound(r, bytes.NewReader(b), int64(len(b))); err != nil {
		return nil, fmt.Errorf("the upstream sent a %w", err)
	}
	return NewObject(b, o.ModTime, o.Tier), nil
}

// A releasing body gives something back when it is closed.
type releasing struct {
	io.ReadCloser
	release func()
}

func (b *releasing) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}
