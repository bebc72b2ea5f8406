package tiers

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// direct opens r below the caches for one client, when there is no place to spool
// it. A zip is not checked then: it is nowhere held until it is known to be sound.
// A fetch from the upstream counts as a fill until Body is closed.
func (s *Stack) direct(ctx context.Context, r Ref) (o *Object, err error) {
	if s.suspect(r.Module()) {
		return nil, fmt.Errorf("%s: a version that was rejected before cannot be verified without a spool: %w", r, ErrCorrupt)
	}
	var release func()
	var sick error
	for level := range len(s.Stores) + 1 {
		if o, release, err = s.openBelow(ctx, r, level); err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			sick = err
		}
	}
	if err != nil {
		return nil, cmp.Or(sick, err) // absence needs unanimity
	}
	if r.Kind == Zip {
		o.Body = &releasing{o.Body, sync.OnceFunc(release)}
		return o, nil
	}
	defer release()
	defer o.Body.Close()
	b, err := io.ReadAll(io.LimitReader(o.Body, maxSmall+1))
	if err == nil && o.Size >= 0 && int64(len(b)) != o.Size {
		err = fmt.Errorf("%d of %d bytes came: %w", len(b), o.Size, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	if err := checkSound(r, bytes.NewReader(b), int64(len(b))); err != nil {
		return nil, fmt.Errorf("the %s sent a %w", s.tierKind(o.Tier), err)
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
