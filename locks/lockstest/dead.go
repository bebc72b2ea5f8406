package lockstest

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
)

func testNobodyThere(t *testing.T, s Service) {
	if s.At == nil {
		t.Skip("there is no service")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	wantError(t, s, addr)
}

func testNoAnswer(t *testing.T, s Service) {
	if s.At == nil {
		t.Skip("there is no service")
	}
	wantError(t, s, blackHole(t))
}

// wantError wants an error of the service long before the context's end.
func wantError(t *testing.T, s Service, addr string) {
	t.Helper()
	l := s.At(t, addr)
	ctx := within(t)
	for range 2 {
		_, _, err := l.Lock(ctx, name(t))
		if err == nil {
			t.Fatal("got a lock from nobody")
		}
		if ctx.Err() != nil {
			t.Fatalf("nobody answered, and the wait lasted as long as it could: %v", err)
		}
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			t.Errorf("%v reads as the end of a context that is not at its end", err)
		}
		t.Log(err)
		if holder, err := l.Holder(ctx, name(t)); err == nil || ctx.Err() != nil {
			t.Errorf("nobody answered, and the holder is %q, %v", holder, err)
		}
	}
}

func testCancelledDead(t *testing.T, s Service) {
	if s.At == nil {
		t.Skip("there is no service")
	}
	l := s.At(t, blackHole(t))
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error)
	go func() {
		_, _, err := l.Lock(ctx, name(t))
		answer <- err
	}()
	cancel()
	if err := <-answer; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the cancellation", err)
	}
}

// blackHole listens, takes what comes and says nothing.
func blackHole(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
		for _, c := range conns {
			c.Close()
		}
	})
	return l.Addr().String()
}
