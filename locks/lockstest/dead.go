package lockstest

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
)

func testDead(t *testing.T, s Service) {
	if s.At == nil {
		t.Skip("there is no service")
	}
	ctx, name := Within(t), name(t)
	var all sync.WaitGroup // a service may be asked for seconds
	for addr, what := range map[string]string{"127.0.0.1:1": "nobody is there", blackHole(t): "nobody answers"} {
		l := s.At(t, addr)
		for _, ask := range []func() error{
			func() error { _, _, err := l.Lock(ctx, name); return err },
			func() error { _, err := l.Holder(ctx, name); return err },
		} {
			all.Go(func() {
				for range 2 { // also once that is known
					switch err := ask(); {
					case err == nil:
						t.Errorf("%s, and there is no error", what)
					case ctx.Err() != nil:
						t.Errorf("%s, and the wait lasted as long as it could: %v", what, err)
					case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
						t.Errorf("%s, and %v reads as the end of a context that is not at its end", what, err)
					default:
						t.Logf("%s: %v", what, err)
					}
				}
			})
		}
	}
	all.Wait()
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
