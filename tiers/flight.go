package tiers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// errLanded says that the flight's file is on disk now, under its own name.
var errLanded = errors.New("landed")

// A flight is a fill in progress. The leader writes the spool; the followers,
// and the client that caused the fill is one of them, read it as it grows, each
// at its own pace and each with its own open file. Nothing that a follower does
// or fails to do reaches the leader.
type flight struct {
	ref   Ref
	start time.Time // becomes the file's modification time
	grip  *grip     // the leader's; nil if there is no lock to release
	peer  bool      // the file came from a peer, which saves it

	verified bool // before it is kept, as what is suspect is

	mu        sync.Mutex    // guards all below
	changed   chan struct{} // closed at the next change; nil while nobody waits
	opened    bool          // the followers may begin; spool, size and tier are set
	spool     *spool
	size      int64 // announced; -1 until the end
	tier      string
	ready     int64 // bytes that followers may read
	ended     bool
	err       error // why it ended; nil for a whole file
	landed    bool  // the file has its name on disk, or will never have it
	followers int
	holders   int             // who may yet open the spool: the leader, and followers on their way
	firstByte time.Duration   // after start
	ctx       context.Context // of the fill, for who joins it; nil if nobody watches
}

// A Fill tells how a fill went, once it is over.
type Fill struct {
	Ref       Ref
	Source    string        // the tier it came from; "" if none had it
	Err       error         // nil if the file came whole
	FirstByte time.Duration // from the start to the first byte; 0 if none came
	Duration  time.Duration // from the start until the last byte was on disk
	Followers int           // requests that it served
	Unkept    error         // why it is served and not on disk, or not in the queue though a store lacks it; else nil
}

// Kept reports whether the file is on disk, and in the queue if a store lacks it.
func (f Fill) Kept() bool { return f.Err == nil && f.Unkept == nil }

// change applies do and wakes the waiting followers.
func (f *flight) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// open announces the spool and its size, -1 if that is not known, unless that was
// done. From now on followers have an Object.
func (f *flight) open(size int64) {
	f.change(func() {
		if !f.opened {
			f.opened, f.size = true, size
		}
	})
}

// announced returns the size that followers know, or -1.
func (f *flight) announced() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.opened {
		return -1
	}
	return f.size
}

// advance lets the followers read up to ready. The leader keeps back the last
// byte of a file until it knows the file to be whole, so that no client ever
// takes half a file for the end of it.
func (f *flight) advance(ready int64) {
	f.change(func() {
		if f.firstByte == 0 {
			f.firstByte = time.Since(f.start)
		}
		size := f.size
		if size < 0 {
			size = ready // any byte may be the last
		}
		f.ready = max(f.ready, min(ready, size-1))
	})
}

// end ends the flight with err, or with a whole file of size bytes.
func (f *flight) end(size int64, err error) {
	f.change(func() {
		f.ended, f.err = true, err
		if err == nil {
			f.ready, f.size = size, size
		}
	})
}

// land says that the file has its name on disk, or that there will be none.
func (f *flight) land() { f.change(func() { f.landed = true }) }

// leave says that the caller opens the spool no more. The last one to leave
// discards it: if it is not kept on disk, there is no other name to find it by.
func (f *flight) leave() {
	f.mu.Lock()
	f.holders--
	last := f.holders == 0
	f.mu.Unlock()
	if last {
		f.spool.discard()
	}
}

// until waits until done, which is called with f.mu held, or ctx is over.
func (f *flight) until(ctx context.Context, done func() bool) error {
	for {
		f.mu.Lock()
		if done() {
			f.mu.Unlock()
			return nil
		}
		if f.changed == nil {
			f.changed = make(chan struct{})
		}
		changed := f.changed
		f.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// follow waits until the flight has something to read, and opens it. It
// returns errLanded if the file is to be had from disk instead.
func (f *flight) follow(ctx context.Context) (*Object, error) {
	if err := f.until(ctx, func() bool { return f.opened || f.ended }); err != nil {
		return nil, err
	}
	f.mu.Lock()
	opened, size, tier, err := f.opened, f.size, f.tier, f.err
	f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if !opened {
		return nil, errLanded
	}
	file, err := f.spool.disk.root.Open(f.spool.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errLanded
	}
	if err != nil {
		return nil, err
	}
	return &Object{
		Body:    &follower{ctx: ctx, flight: f, file: file},
		Size:    size,
		ModTime: f.start,
		Tier:    tier,
	}, nil
}

// A follower reads a spool as it grows.
type follower struct {
	ctx    context.Context // of the client's request: io.Reader has no other place for it
	flight *flight
	file   *os.File
	off    int64
}

// wait waits for bytes after off and returns how many there are. Its error is
// io.EOF at the end of a whole file.
func (b *follower) wait() (n int64, err error) {
	f := b.flight
	if err := f.until(b.ctx, func() bool { n = f.ready - b.off; return n > 0 || f.ended }); err != nil {
		return 0, err
	}
	if n > 0 {
		return n, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

func (b *follower) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.wait()
	if err != nil {
		return 0, err
	}
	got, err := b.file.Read(p[:min(n, int64(len(p)))])
	b.off += int64(got)
	return got, notEOF(err)
}

// Seek moves to another place of a file whose size was announced, be it there
// yet or not.
func (b *follower) Seek(offset int64, whence int) (int64, error) {
	b.flight.mu.Lock()
	size := b.flight.size
	b.flight.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += b.off
	case io.SeekEnd:
		offset += size
	}
	if size < 0 || offset < 0 {
		return 0, fmt.Errorf("seeking to %d in a file of %d bytes: %w", offset, size, fs.ErrInvalid)
	}
	if _, err := b.file.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	b.off = offset
	return offset, nil
}

// WriteTo hands each stretch that is ready to w as part of an *os.File, so that
// the kernel can copy it to a socket.
func (b *follower) WriteTo(w io.Writer) (int64, error) {
	from := b.off
	for {
		n, err := b.wait()
		if err == io.EOF {
			return b.off - from, nil
		}
		if err != nil {
			return b.off - from, err
		}
		part := &io.LimitedReader{R: b.file, N: n}
		var wrote int64
		if rf, ok := w.(io.ReaderFrom); ok {
			wrote, err = rf.ReadFrom(part)
		} else {
			wrote, err = io.Copy(w, part)
		}
		b.off += wrote
		if err == nil && wrote < n {
			err = io.ErrUnexpectedEOF // the spool has less than the leader wrote
		}
		if err != nil {
			return b.off - from, err
		}
	}
}

// notEOF turns an EOF where the leader has written more into what it is.
func notEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (b *follower) Close() error { return b.file.Close() }
