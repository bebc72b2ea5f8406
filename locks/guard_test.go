package locks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/lockstest"
)

func TestGuard(t *testing.T) {
	var l locks.Local
	lockstest.Test(t, lockstest.Service{Open: func(testing.TB) locks.Locker { return &locks.Guard{Locker: &l} }})
}

// A service is a lock service in this process that falls ill as the test says.
type service struct {
	locks.Local

	mu      sync.Mutex // guards all below
	ill     func(ctx context.Context) error
	asked   []time.Time // for a lock
	holders int         // asked for
}

var errRefused = errors.New("connection refused")

const serviceMoment = 4 * time.Second

func refuses(context.Context) error { return errRefused }

// hangs gives no answer for as long as its client has patience.
func hangs(ctx context.Context) error {
	select {
	case <-time.After(serviceMoment):
		return errors.New("i/o timeout")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *service) be(ill func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ill = ill
}

func (s *service) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	s.mu.Lock()
	s.asked = append(s.asked, time.Now())
	ill := s.ill
	s.mu.Unlock()
	if ill != nil {
		return nil, nil, ill(ctx)
	}
	return s.Local.Lock(ctx, name)
}

func (s *service) Holder(ctx context.Context, name string) (string, error) {
	s.mu.Lock()
	s.holders++
	ill := s.ill
	s.mu.Unlock()
	if ill != nil {
		return "", ill(ctx)
	}
	return s.Local.Holder(ctx, name)
}

// A guarded service has a Guard before it, and what that logged.
type guarded struct {
	service
	*locks.Guard
	log bytes.Buffer
}

func (g *guarded) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	return g.Guard.Lock(ctx, name)
}

func (g *guarded) Holder(ctx context.Context, name string) (string, error) {
	return g.Guard.Holder(ctx, name)
}

// guard runs a claim about a Guard in a bubble.
func guard(t *testing.T, name string, test func(t *testing.T, g *guarded)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := new(guarded)
			g.Guard = &locks.Guard{Locker: &g.service, Log: slog.New(slog.NewTextHandler(&g.log, nil))}
			test(t, g)
			time.Sleep(time.Minute) // no question lasts as long
		})
	})
}

// wants locks a name, and wants err of it after so long. Nil is a lock.
func (g *guarded) wants(t *testing.T, ctx context.Context, name string, err error, after time.Duration) {
	t.Helper()
	start := time.Now()
	_, unlock, got := g.Lock(ctx, name)
	if got == nil {
		unlock()
	}
	if !errors.Is(got, err) {
		t.Errorf("lock %s: got %v, want %v", name, got, err)
	}
	if d := time.Since(start); d != after {
		t.Errorf("lock %s: took %v, want %v", name, d, after)
	}
}

// goesDown has the service refuse a lock.
func (g *guarded) goesDown(t *testing.T) {
	t.Helper()
	g.be(refuses)
	g.wants(t, t.Context(), "down", errRefused, 0)
	g.wants(t, t.Context(), "down", locks.ErrDown, 0)
}

// within returns a context that ends after d.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestAGuardedService(t *testing.T) {
	guard(t, "costs its patience once while it does not answer", func(t *testing.T, g *guarded) {
		g.be(hangs)
		start := time.Now()
		if _, _, err := g.Lock(t.Context(), "a"); err == nil || errors.Is(err, locks.ErrDown) {
			t.Errorf("the first one got %v, want the service's error", err)
		}
		if d := time.Since(start); d != serviceMoment {
			t.Errorf("the first one waited for %v, want %v", d, serviceMoment)
		}
		for i := range 100 {
			g.wants(t, t.Context(), fmt.Sprint(i), locks.ErrDown, 0)
		}
		if n := len(g.asked); n != 1 {
			t.Errorf("asked %d times, want once", n)
		}
	})

	guard(t, "costs those who come meanwhile no more, and that is one failure", func(t *testing.T, g *guarded) {
		g.be(hangs)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				start := time.Now()
				if _, _, err := g.Lock(t.Context(), fmt.Sprint(i)); err == nil {
					t.Error("got a lock")
				}
				if d := time.Since(start); d != serviceMoment {
					t.Errorf("waited for %v, want %v", d, serviceMoment)
				}
			})
			time.Sleep(10 * time.Millisecond)
		}
		wg.Wait()
		g.be(nil)
		time.Sleep(time.Second) // the first pause
		g.wants(t, t.Context(), "a", nil, 0)
	})

	guard(t, "is asked by one at a time, after pauses of a second to 15", func(t *testing.T, g *guarded) {
		g.be(refuses)
		for range 10 * 60 * 100 {
			if _, _, err := g.Lock(t.Context(), "a"); err == nil {
				t.Fatal("got a lock")
			}
			time.Sleep(10 * time.Millisecond)
		}
		least, most := 750*time.Millisecond, time.Second
		for i := range g.asked[1:] {
			if d := g.asked[i+1].Sub(g.asked[i]); d < least || d > most+10*time.Millisecond {
				t.Errorf("pause %d: got %v, want %v to %v", i, d, least, most)
			}
			most = min(2*most, 15*time.Second)
			least = most * 3 / 4
		}
		if n := len(g.asked); n < 40 || n > 60 {
			t.Errorf("asked %d times in 10 minutes, want some 45", n)
		}
		if n := g.holders; n != 0 {
			t.Errorf("asked for the holder %d times, want never", n)
		}
	})

	guard(t, "is not waited for by others while one asks", func(t *testing.T, g *guarded) {
		g.goesDown(t)
		g.be(hangs)
		time.Sleep(time.Second)
		asker := make(chan error)
		go func() {
			_, _, err := g.Lock(t.Context(), "a")
			asker <- err
		}()
		synctest.Wait()
		for range 3 {
			g.wants(t, t.Context(), "a", locks.ErrDown, 0)
			time.Sleep(time.Second)
		}
		if err := <-asker; err == nil || errors.Is(err, locks.ErrDown) {
			t.Errorf("who asks got %v, want the service's error", err)
		}
		if n := len(g.asked); n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
	})

	guard(t, "is up for all once it gave one a lock", func(t *testing.T, g *guarded) {
		g.goesDown(t)
		g.be(nil)
		g.wants(t, t.Context(), "a", locks.ErrDown, 0)
		time.Sleep(time.Second)
		for range 10 {
			g.wants(t, t.Context(), "a", nil, 0)
		}
	})

	guard(t, "is told of once when it goes down, and once when it comes back", func(t *testing.T, g *guarded) {
		g.goesDown(t)
		for range 900 {
			g.Lock(t.Context(), "a")
			time.Sleep(100 * time.Millisecond)
		}
		g.be(nil)
		for range 150 {
			time.Sleep(100 * time.Millisecond)
			if _, unlock, err := g.Lock(t.Context(), "a"); err == nil {
				unlock()
			}
		}
		lines := strings.Split(strings.TrimSpace(g.log.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], errRefused.Error()) ||
			!strings.Contains(lines[1], "level=INFO") || !strings.Contains(lines[1], "down=1m") {
			t.Errorf("the log has %q, want a warning with the error, and a word with the time", lines)
		}
	})

	guard(t, "is well while somebody else has the lock", func(t *testing.T, g *guarded) {
		_, unlock, err := g.Lock(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		for range 10 {
			g.wants(t, within(t, 10*time.Second), "a", context.DeadlineExceeded, 10*time.Second)
			g.wants(t, t.Context(), "b", nil, 0)
		}
		if g.log.Len() > 0 {
			t.Errorf("the log has %q, want nothing", &g.log)
		}
	})

	guard(t, "is found out to be silent by those who have less patience than it takes", func(t *testing.T, g *guarded) {
		g.be(hangs)
		for range 3 {
			g.wants(t, within(t, time.Second), "a", context.DeadlineExceeded, time.Second)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		g.wants(t, within(t, time.Second), "a", locks.ErrDown, 0)
		if g.holders != 1 {
			t.Errorf("asked for the holder %d times, want once", g.holders)
		}
	})

	guard(t, "is asked by the next, if who asks gives up before it answers", func(t *testing.T, g *guarded) {
		g.goesDown(t)
		g.be(hangs)
		for i := range 5 {
			time.Sleep(time.Minute)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Duration(i)*500*time.Millisecond, cancel)
			g.wants(t, ctx, "a", context.Canceled, time.Duration(i)*500*time.Millisecond)
			g.wants(t, t.Context(), "a", locks.ErrDown, 0) // it is no success
		}
		if n := len(g.asked); n != 6 {
			t.Errorf("asked %d times, want 6", n)
		}
		time.Sleep(time.Minute)
		g.be(nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		g.wants(t, ctx, "a", context.Canceled, 0)
		g.wants(t, t.Context(), "a", nil, 0)
	})

	guard(t, "is up soon though who asks has to wait for a lock that somebody else has", func(t *testing.T, g *guarded) {
		_, unlock, err := g.Lock(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		g.goesDown(t)
		g.be(nil)
		time.Sleep(time.Second)
		got := make(chan error)
		go func() {
			_, unlock, err := g.Lock(t.Context(), "a")
			if err == nil {
				unlock()
			}
			got <- err
		}()
		time.Sleep(2 * time.Second)
		g.wants(t, t.Context(), "b", nil, 0)
		unlock()
		if err := <-got; err != nil {
			t.Errorf("who asked got %v, want the lock", err)
		}
	})

	guard(t, "is asked for no holder while it is down, and a holder that it does not tell takes it down", func(t *testing.T, g *guarded) {
		g.be(refuses)
		if _, err := g.Holder(t.Context(), "a"); !errors.Is(err, errRefused) {
			t.Errorf("got %v, want the service's error", err)
		}
		g.wants(t, t.Context(), "a", locks.ErrDown, 0)
		g.be(nil)
		time.Sleep(time.Hour)
		if _, err := g.Holder(t.Context(), "a"); !errors.Is(err, locks.ErrDown) {
			t.Errorf("got %v, want ErrDown", err)
		}
		if g.holders != 1 {
			t.Errorf("asked for the holder %d times, want once", g.holders)
		}
		g.wants(t, t.Context(), "a", nil, 0)
		if _, err := g.Holder(t.Context(), "a"); err != nil {
			t.Error(err)
		}
	})

	guard(t, "is not taken down by an answer from before it came back", func(t *testing.T, g *guarded) {
		g.be(hangs)
		late := make(chan error)
		go func() {
			_, _, err := g.Lock(t.Context(), "a")
			late <- err
		}()
		synctest.Wait()
		g.goesDown(t)
		g.be(nil)
		time.Sleep(time.Second)
		g.wants(t, t.Context(), "a", nil, 0)
		if err := <-late; err == nil {
			t.Error("the first one got a lock")
		}
		g.wants(t, t.Context(), "a", nil, 0)
	})

	guard(t, "is asked ever less if it comes and goes, and as before once it stays", func(t *testing.T, g *guarded) {
		outage := func() time.Duration {
			start := time.Now()
			g.goesDown(t)
			g.be(nil)
			for {
				_, unlock, err := g.Lock(t.Context(), "a")
				if err == nil {
					unlock()
					return time.Since(start)
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
		for range 5 {
			outage()
		}
		if d := outage(); d < 11*time.Second || d > 16*time.Second {
			t.Errorf("the sixth outage in a row lasted %v, want 11 to 15 s", d)
		}
		time.Sleep(20 * time.Second)
		if d := outage(); d > 1100*time.Millisecond {
			t.Errorf("the first one after a while lasted %v, want a second", d)
		}
	})

	guard(t, "does not touch locks that are held when it goes down", func(t *testing.T, g *guarded) {
		held, unlock, err := g.Lock(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		g.goesDown(t)
		time.Sleep(time.Hour)
		if err := context.Cause(held); err != nil {
			t.Errorf("held ended: %v", err)
		}
		unlock()
		if held.Err() == nil {
			t.Error("it is unlocked, and held is not done")
		}
	})

	guard(t, "is never the end of a context that is not at its end", func(t *testing.T, g *guarded) {
		g.be(func(context.Context) error { return context.DeadlineExceeded })
		g.Lock(t.Context(), "a")
		_, _, err := g.Lock(t.Context(), "a")
		if !errors.Is(err, locks.ErrDown) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want ErrDown and no deadline", err)
		}
	})
}
