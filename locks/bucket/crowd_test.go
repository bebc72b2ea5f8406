package bucket_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/locks/bucket"
)

// A narrow service writes one object at a time, and takes 50 ms for it.
type narrow struct {
	*memory
	door chan struct{} // has room for one
}

func (n narrow) WriteObject(ctx context.Context, key string, content []byte, tag string) (string, error) {
	select {
	case n.door <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	time.Sleep(50 * time.Millisecond)
	<-n.door
	return n.memory.WriteObject(ctx, key, content, tag)
}

func TestACrowdIsNoSilenceOfTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openObjects(t, narrow{new(memory), make(chan struct{}, 1)}, bucket.Config{Lease: time.Minute})
		_, unlock := mustTake(t, l) // which finds out what the service can do
		unlock()
		var all sync.WaitGroup
		for n := range 200 {
			all.Go(func() {
				_, unlock, err := l.Lock(t.Context(), fmt.Sprintf("example.com/m%d@v1.0.0", n))
				if err != nil {
					t.Error(err)
					return
				}
				unlock()
			})
		}
		all.Wait()
	})
}

func TestACrowdIsToldAtOnceOfASilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := narrow{new(memory), make(chan struct{}, 1)}
		l := openObjects(t, s, bucket.Config{})
		_, unlock := mustTake(t, l)
		unlock()
		s.door <- struct{}{} // and nobody goes through any more
		start := time.Now()
		var all sync.WaitGroup
		for n := range 200 {
			all.Go(func() {
				if _, _, err := l.Lock(t.Context(), fmt.Sprintf("example.com/m%d@v1.0.0", n)); err == nil {
					t.Error("got a lock")
				}
			})
		}
		all.Wait()
		if d := time.Since(start); d > 4*time.Second {
			t.Errorf("the last one was told after %v, want what one answer is waited for", d)
		}
	})
}
