package redis

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// pulse is how often a subscription that is silent is tried.
const pulse = 5 * time.Second

// wakes are those who wait for a key: one each, as a process queues up before it.
type wakes struct {
	mu      sync.Mutex // guards waiting
	waiting map[string]chan struct{}
}

func (w *wakes) join(key string) (woken <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == nil {
		w.waiting = make(map[string]chan struct{})
	}
	c := make(chan struct{}, 1)
	w.waiting[key] = c
	return c
}

func (w *wakes) leave(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiting, key)
}

func (w *wakes) wake(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	nudge(w.waiting[key])
}

func (w *wakes) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.waiting {
		nudge(c)
	}
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// listenOn hears of releases until the locker is closed. While it cannot, those
// who wait look for themselves.
func (l *Locker) listenOn(channel string) {
	for l.leases.Life.Err() == nil {
		l.subscribe(channel)
		select {
		case <-l.leases.Life.Done():
		case <-time.After(time.Second):
		}
	}
}

// subscribe hears of releases until the connection is lost.
func (l *Locker) subscribe(channel string) {
	ctx, cancel := context.WithTimeout(l.leases.Life, patience)
	sub := l.client.Subscribe(ctx, channel)
	cancel()
	defer sub.Close()
	defer context.AfterFunc(l.leases.Life, func() { sub.Close() })()
	silent := false
	for {
		message, err := sub.ReceiveTimeout(l.leases.Life, pulse)
		var timeout net.Error
		switch {
		case err == nil:
		case errors.As(err, &timeout) && timeout.Timeout() && !silent && sub.Ping(l.leases.Life) == nil:
			silent = true
			continue
		default:
			return
		}
		silent = false
		switch m := message.(type) {
		case *redis.Subscription:
			l.wakes.wakeAll() // what was released before was not heard
		case *redis.Message:
			l.wakes.wake(m.Payload)
		}
	}
}
