package tiers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"
)

// errNoSpool says that there is nowhere to spool a fill, so that each client
// has to be served straight from below.
var errNoSpool = errors.New("no spool")

// copyBuffer is how much of a body a leader reads at once, in bytes.
const copyBuffer = 64 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// fill leads f: it brings the file up from below, spools it for the followers
// and keeps it.
func (s *Stack) fill(ctx context.Context, f *flight) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout,
		fmt.Errorf("the fill took longer than %v: %w", s.Timeout, context.DeadlineExceeded))
	defer cancel()
	// The flight is in the map until the file has its name on disk, so that
	// there is no moment in which a request finds neither.
	defer func() {
		s.mu.Lock()
		delete(s.flights, f.ref)
		s.mu.Unlock()
		f.land()
		f.grip.release()
		f.leave()
	}()
	if o, err := s.Disk.Open(ctx, f.ref); err == nil {
		// Another flight landed between this one's miss and its start.
		o.Body.Close()
		f.end(0, nil)
		return
	}
	ctx, seen := s.Watch.fill(ctx, f)
	n, level, err := s.spoolUp(ctx, f)
	var unkept error
	if err != nil {
		f.end(n, err)
		if errors.Is(err, errNoSpool) {
			unkept = err
		}
	} else {
		unkept, err = s.keep(ctx, f, n, level)
		if f.peer && unkept == nil {
			s.confirm(ctx, f.ref.Module())
		}
	}
	if unkept != nil {
		s.Log.WarnContext(ctx, "a file is served and not kept", "file", f.ref.String(), "err", unkept)
	}
	f.mu.Lock()
	fill := Fill{f.ref, f.tier, err, f.firstByte, time.Since(f.start), f.followers, unkept}
	f.mu.Unlock()
	if seen != nil {
		seen(fill)
	}
	if s.Filled != nil {
		s.Filled(ctx, fill)
	}
}

// spoolUp copies the file from the fastest tier below that has it to the spool,
// and returns its size and the place of that tier among the stores; behind the
// last one is the upstream. If a tier breaks off, the next one goes on at the same
// place, once it has shown to have the same file.
func (s *Stack) spoolUp(ctx context.Context, f *flight) (n int64, level int, err error) {
	var sick error
	for level = range len(s.Stores) + 1 {
		var o *Object
		var release func()
		if level == len(s.Stores) && f.ref.Kind == Zip && s.Locker != nil && s.Upstream != nil {
			var whole bool
			n, level, whole, err = s.awaitOthers(ctx, f, n)
			if whole || errors.Is(err, errNoSpool) {
				return n, level, err
			}
			level = len(s.Stores)
			if err != nil {
				sick = err
			}
		}
		if o, release, err = s.openBelow(ctx, f.ref, level); err == nil {
			n, err = s.take(ctx, f, o, n)
			o.Body.Close()
			release()
			if err == nil {
				return n, level, nil
			}
			if level == len(s.Stores) && sick == nil || errors.Is(err, errNoSpool) || ctx.Err() != nil {
				return n, level, err
			}
		}
		if level == len(s.Stores) {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			if !errors.Is(err, ErrDown) {
				s.Log.WarnContext(ctx, "a store could not be asked; asking the next tier", "err", err)
			}
			sick = err
		}
	}
	if sick != nil && (n > 0 || errors.Is(err, fs.ErrNotExist)) {
		err = fmt.Errorf("no other tier has %s, but %w", f.ref, sick)
	}
	return n, level, err
}

// openBelow opens r in the store at level, or behind the last one in the
// upstream. The caller must call release when it has closed the body.
func (s *Stack) openBelow(ctx context.Context, r Ref, level int) (o *Object, release func(), err error) {
	if level < len(s.Stores) {
		o, err = s.Stores[level].Open(ctx, r)
		return o, func() {}, err
	}
	if s.Upstream == nil {
		return nil, nil, fs.ErrNotExist
	}
	if err := s.sem.Acquire(ctx, 1); err != nil {
		return nil, nil, fmt.Errorf("waiting for one of %d fills to end: %w", s.Fills, context.Cause(ctx))
	}
	if o, err = s.Upstream.Open(ctx, r); err != nil {
		s.sem.Release(1)
		return nil, nil, err
	}
	return o, func() { s.sem.Release(1) }, nil
}

// take copies o to the spool, of which the first have bytes are there already, and
// checks the whole. It returns how many bytes are there now.
func (s *Stack) take(ctx context.Context, f *flight, o *Object, have int64) (int64, error) {
	if f.spool == nil {
		sp, err := s.Disk.newSpool(o.Size)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", errNoSpool, err)
		}
		f.spool, f.tier = sp, o.Tier // read by others only once f is open
	}
	// Once followers read, there is no way back: the leader alone opens a flight.
	early := f.opened || f.ref.Kind == Zip && !s.suspect(f.ref.Module())
	if early {
		f.open(o.Size)
	} else {
		// Nobody has seen any of it, so another tier's copy may be another one.
		have = 0
		if err := f.spool.empty(); err != nil {
			return 0, fmt.Errorf("%w: %w", errNoSpool, err)
		}
		f.tier = o.Tier
	}
	if err := f.spool.agrees(o.Body, have); err != nil {
		return have, fmt.Errorf("%s: %s: %w", o.Tier, f.ref, err)
	}
	n, err := f.copy(o.Body, have)
	if err != nil {
		return n, fmt.Errorf("%s: %s: %w", o.Tier, f.ref, err)
	}
	if o.Size >= 0 && n != o.Size {
		return n, fmt.Errorf("%s: %s: %d of %d bytes came: %w", o.Tier, f.ref, n, o.Size, io.ErrUnexpectedEOF)
	}
	if size := f.announced(); size >= 0 && n != size {
		return n, fmt.Errorf("%s: %s: %d bytes came, and %d were announced: %w", o.Tier, f.ref, n, size, errOther)
	}
	if err := checkSound(f.ref, f.spool.file, n); err != nil {
		return n, fmt.Errorf("the %s sent a %w", s.tierKind(o.Tier), err)
	}
	if s.suspect(f.ref.Module()) && s.Queue != nil && s.Queue.Verify != nil {
		if err := s.Queue.Verify.Check(ctx, f.ref, f.spool.file, n); err != nil {
			return n, fmt.Errorf("the %s sent a version that was rejected before: %w", s.tierKind(o.Tier), err)
		}
		f.verified = true
	}
	return n, nil
}

// errOther says that two tiers have different content under one name.
var errOther = errors.New("another tier has other content under this name")

// tierKind returns what to call a tier in a message.
func (s *Stack) tierKind(tier string) string {
	if s.level(tier) >= 0 {
		return "store " + tier
	}
	return tier
}

// copy copies body behind the first n bytes of the spool, and tells the followers
// of each step.
func (f *flight) copy(body io.Reader, n int64) (int64, error) {
	buf := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buf)
	for {
		got, rerr := body.Read(buf[:])
		if got > 0 {
			wrote, err := f.spool.Write(buf[:got])
			n += int64(wrote)
			if err != nil {
				return n, fmt.Errorf("%w: %w", errNoSpool, err)
			}
			f.advance(n)
		}
		if rerr == io.EOF {
			return n, nil
		}
		if rerr != nil {
			return n, rerr
		}
	}
}
