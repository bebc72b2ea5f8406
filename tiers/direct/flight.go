package direct

import (
	"context"
	"sync"
)

// flights are the questions that are being asked, by what they ask. Who asks the
// same meanwhile waits for the same answer.
type flights[T any] struct {
	mu sync.Mutex // guards m, and who waits for its flights
	m  map[string]*flight[T]
}

// A flight goes on while somebody waits for it: the last one to leave ends it.
type flight[T any] struct {
	done    chan struct{}
	cancel  context.CancelCauseFunc
	waiting int
	answer  T // once it is done
	err     error
}

// do asks, or waits for who asks already.
func (g *flights[T]) do(ctx context.Context, f *Fetcher, key string, ask func(context.Context) (T, error)) (T, error) {
	g.mu.Lock()
	fl := g.m[key]
	if fl == nil {
		var err error
		if fl, err = g.begin(ctx, f, key, ask); err != nil {
			g.mu.Unlock()
			var none T
			return none, lost(err)
		}
	}
	fl.waiting++
	g.mu.Unlock()
	return g.wait(ctx, key, fl)
}

// join waits for who asks already, if there is anybody.
func (g *flights[T]) join(ctx context.Context, key string) (answer T, err error, joined bool) {
	g.mu.Lock()
	fl := g.m[key]
	if fl == nil {
		g.mu.Unlock()
		return answer, nil, false
	}
	fl.waiting++
	g.mu.Unlock()
	answer, err = g.wait(ctx, key, fl)
	return answer, err, true
}

// begin starts a flight that outlives ctx. The caller holds g.mu.
func (g *flights[T]) begin(ctx context.Context, f *Fetcher, key string, ask func(context.Context) (T, error)) (*flight[T], error) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	fl := &flight[T]{done: make(chan struct{}), cancel: cancel}
	err := f.start(func() {
		defer cancel(nil)
		defer context.AfterFunc(f.life, func() { cancel(errClosed) })()
		ctx, stop := context.WithTimeout(ctx, f.timeout())
		defer stop()
		fl.answer, fl.err = ask(ctx)
		g.mu.Lock()
		g.forget(key, fl)
		g.mu.Unlock()
		close(fl.done)
	})
	if err != nil {
		cancel(err)
		return nil, err
	}
	if g.m == nil {
		g.m = map[string]*flight[T]{}
	}
	g.m[key] = fl
	return fl, nil
}

func (g *flights[T]) wait(ctx context.Context, key string, fl *flight[T]) (T, error) {
	select {
	case <-fl.done:
		return fl.answer, fl.err
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if fl.waiting--; fl.waiting == 0 {
		g.forget(key, fl)
		fl.cancel(context.Cause(ctx))
	}
	var none T
	return none, lost(context.Cause(ctx))
}

// forget lets the next one who asks begin anew. The caller holds g.mu.
func (g *flights[T]) forget(key string, fl *flight[T]) {
	if g.m[key] == fl {
		delete(g.m, key)
	}
}
