package tiers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// claim runs a test in a bubble, where time stands still while anybody works.
func claim(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

var (
	version = module.Version{Path: "github.com/Azure/thing", Version: "v1.2.3"}
	files   = tierstest.Version(version, "a")
	info    = tierstest.Ref(version, tiers.Info)
	mod     = tierstest.Ref(version, tiers.Mod)
	zip     = tierstest.Ref(version, tiers.Zip)
)

func content(r tiers.Ref) []byte { return tierstest.Bytes(files, r.Kind) }

// An answer is an upstream's Open.
type answer = func(context.Context, tiers.Ref) (*tiers.Object, error)

// An origin is an upstream that answers as the test says.
type origin struct {
	answer answer
	opens  atomic.Int64 // requests so far
	now    atomic.Int64 // requests under way
	most   atomic.Int64 // requests under way at once
}

func (o *origin) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	o.opens.Add(1)
	now := o.now.Add(1)
	defer o.now.Add(-1)
	for most := o.most.Load(); now > most && !o.most.CompareAndSwap(most, now); most = o.most.Load() {
	}
	return o.answer(ctx, r)
}

// has answers with the files of version.
func has(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	if r.Module() != version {
		return nil, &tiers.AbsentError{}
	}
	return tiers.NewObject(content(r), time.Time{}, "upstream"), nil
}

// says answers with b, and announces its size.
func says(b []byte) answer {
	return func(context.Context, tiers.Ref) (*tiers.Object, error) {
		return tiers.NewObject(b, time.Time{}, "upstream"), nil
	}
}

func fails(err error) answer {
	return func(context.Context, tiers.Ref) (*tiers.Object, error) { return nil, err }
}

// hangs answers when the caller gives up.
func hangs(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	<-ctx.Done()
	return nil, fmt.Errorf("asking for %s: %w", r, ctx.Err())
}

// A drip is an answer whose body comes in the pieces that the test sends.
type drip struct {
	size int64
	r    *io.PipeReader
	w    *io.PipeWriter
}

func newDrip(size int64) *drip {
	r, w := io.Pipe()
	return &drip{size, r, w}
}

func (d *drip) answer(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	context.AfterFunc(ctx, func() { d.w.CloseWithError(ctx.Err()) })
	return &tiers.Object{Body: d.r, Size: d.size, Tier: "upstream"}, nil
}

// send sends b, and waits until everybody has done with it what they do.
func (d *drip) send(t *testing.T, b []byte) {
	t.Helper()
	if _, err := d.w.Write(b); err != nil {
		t.Fatalf("sending %d bytes: %v", len(b), err)
	}
	synctest.Wait()
}

// end ends the body; nil is EOF.
func (d *drip) end(err error) {
	d.w.CloseWithError(err)
	synctest.Wait()
}

// A stack is a Stack over a disk tier and an origin.
type stack struct {
	*tiers.Stack
	origin *origin
	dir    string // of the disk tier

	mu    sync.Mutex // guards fills
	fills []tiers.Fill
}

func newStack(t *testing.T, a answer) *stack {
	t.Helper()
	return newStackWithin(t, tiers.DiskLimits{}, a)
}

func newStackWithin(t *testing.T, limits tiers.DiskLimits, a answer) *stack {
	t.Helper()
	return newStackIn(t, t.TempDir(), limits, a)
}

func newStackIn(t *testing.T, dir string, limits tiers.DiskLimits, a answer) *stack {
	t.Helper()
	s := &stack{origin: &origin{answer: a}, dir: dir}
	disk := openDisk(t, s.dir, limits)
	s.Stack = &tiers.Stack{
		Caches:   []tiers.Cache{disk},
		Disk:     disk,
		Upstream: s.origin,
		Log:      testLog(t),
		Filled: func(_ context.Context, f tiers.Fill) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.fills = append(s.fills, f)
		},
	}
	t.Cleanup(func() { s.Drain(context.Background()) })
	return s
}

// asked checks how often the upstream was asked.
func (s *stack) asked(t *testing.T, want int64) {
	t.Helper()
	if got := s.origin.opens.Load(); got != want {
		t.Errorf("asked the upstream: got %d times, want %d", got, want)
	}
}

// A client has asked for a file, and reads it in the background.
type client struct {
	cancel    context.CancelFunc
	collapsed bool

	mu    sync.Mutex // guards all below
	got   []byte
	err   error // nil at EOF
	ended bool
}

// ask begins a request for r.
func (s *stack) ask(t *testing.T, r tiers.Ref) *client {
	ctx, cancel := context.WithCancel(t.Context())
	c := &client{cancel: cancel}
	go func() {
		o, err := s.Open(ctx, r)
		for buf := make([]byte, 1000); err == nil; {
			var n int
			n, err = o.Body.Read(buf)
			c.mu.Lock()
			c.collapsed = o.Collapsed
			c.got = append(c.got, buf[:n]...)
			c.mu.Unlock()
		}
		if o != nil {
			o.Body.Close()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended = true
		if err != io.EOF {
			c.err = err
		}
	}()
	return c
}

// asks begins n requests for r, and waits until they wait.
func (s *stack) asks(t *testing.T, r tiers.Ref, n int) []*client {
	cs := make([]*client, n)
	for i := range cs {
		cs[i] = s.ask(t, r)
	}
	synctest.Wait()
	return cs
}

// has checks that c got want so far and still waits for more.
func (c *client) has(t *testing.T, want []byte) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !bytes.Equal(c.got, want) || c.ended {
		t.Errorf("client: got %d bytes, ended %t, error %v; want %d bytes and more to come", len(c.got), c.ended, c.err, len(want))
	}
}

// gotAll checks that c got the whole file.
func (c *client) gotAll(t *testing.T, want []byte) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !bytes.Equal(c.got, want) || !c.ended || c.err != nil {
		t.Errorf("client: got %d bytes, ended %t, error %v; want all of %d", len(c.got), c.ended, c.err, len(want))
	}
}

// failed checks that c got an error that matches target, which is not EOF and
// no absence unless that is the target.
func (c *client) failed(t *testing.T, target error) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended || !errors.Is(c.err, target) {
		t.Errorf("client: got %d bytes, ended %t, error %v; want error %v", len(c.got), c.ended, c.err, target)
	}
	if target != fs.ErrNotExist && errors.Is(c.err, fs.ErrNotExist) {
		t.Errorf("client: got error %v, which is an absence", c.err)
	}
}
