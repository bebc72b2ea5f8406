package tiers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// errNoSpool says that there is nowhere to spool a fill, so that each client
// has to be served straight from the upstream.
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
		f.leave()
	}()
	if o, err := s.Disk.Open(ctx, f.ref); err == nil {
		// Another flight landed between this one's miss and its start.
		o.Body.Close()
		f.end(0, nil)
		return
	}
	err := s.spoolUp(ctx, f)
	if err == nil {
		s.land(ctx, f)
	}
	if s.Filled != nil {
		f.mu.Lock()
		fill := Fill{f.ref, f.tier, err, f.firstByte, time.Since(f.start), f.followers}
		f.mu.Unlock()
		s.Filled(fill)
	}
}

// spoolUp copies the file from the upstream to the spool, and ends the flight.
func (s *Stack) spoolUp(ctx context.Context, f *flight) (err error) {
	var n int64
	defer func() { f.end(n, err) }()
	if err := s.sem.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("waiting for one of %d fills to end: %w", s.Fills, context.Cause(ctx))
	}
	defer s.sem.Release(1)

	o, err := s.Upstream.Open(ctx, f.ref)
	if err != nil {
		return err
	}
	defer o.Body.Close()
	sp, err := s.Disk.newSpool(o.Size)
	if err != nil {
		s.Log.Warn("a file is served and not kept", "file", f.ref, "err", err)
		return fmt.Errorf("%w: %w", errNoSpool, err)
	}
	f.spool, f.tier = sp, o.Tier // read by others only once f is open
	if f.ref.Kind == Zip {
		f.open(o.Size)
	}
	n, err = f.copy(o.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", f.ref, err)
	}
	if o.Size >= 0 && n != o.Size {
		return fmt.Errorf("%s: %d of %d bytes came: %w", f.ref, n, o.Size, io.ErrUnexpectedEOF)
	}
	if err := checkSound(f.ref, sp.file, n); err != nil {
		return fmt.Errorf("the upstream sent a %w", err)
	}
	if f.ref.Kind != Zip {
		// Nobody gains by half an info or go.mod, and a bad one can still be
		// answered as an error.
		f.open(n)
	}
	return nil
}

// copy copies body to the spool and tells the followers of each step.
func (f *flight) copy(body io.Reader) (n int64, err error) {
	buf := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buf)
	for {
		got, rerr := body.Read(buf[:])
		if got > 0 {
			wrote, err := f.spool.file.Write(buf[:got])
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

// land gives the spool its name on disk and promotes it.
func (s *Stack) land(ctx context.Context, f *flight) {
	if err := s.Disk.adopt(f.spool, f.ref, f.size, f.start); err != nil {
		s.Log.Warn("a file was served and is not kept", "file", f.ref, "err", err)
		return
	}
	if !promotable(f.ref, f.size) {
		return
	}
	b := make([]byte, f.size)
	if _, err := f.spool.file.ReadAt(b, 0); err != nil && err != io.EOF {
		s.Log.Warn("a file is not promoted", "file", f.ref, "err", err) // disk has it
		return
	}
	s.put(ctx, f.ref, b, f.start, len(s.Caches)-1)
}
