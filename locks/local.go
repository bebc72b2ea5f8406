package locks

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Local is a [Locker] for one process. Its zero value is ready. Those who wait get
// the lock in the order in which they came, and it is never lost.
type Local struct {
	mu     sync.Mutex                 // guards queues
	queues map[string][]chan struct{} // a name that is held: the turns of those who wait
}

var _ Locker = (*Local)(nil)

// Lock is [Locker]'s.
func (l *Local) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("lock %s: %w", name, err)
	}
	if turn := l.queue(name); turn != nil {
		select {
		case <-turn:
		case <-ctx.Done():
			l.leave(name, turn)
			return nil, nil, fmt.Errorf("lock %s: %w", name, ctx.Err())
		}
	}
	held, end := context.WithCancel(context.WithoutCancel(ctx))
	unlock := sync.OnceFunc(func() {
		end()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.pass(name)
	})
	return held, unlock, nil
}

// Holder is [Locker]'s. There is nobody else in a process to say anything to.
func (l *Local) Holder(context.Context, string) (string, error) { return "", nil }

// queue takes name if it is free, and else returns the turn to wait for.
func (l *Local) queue(name string) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queues == nil {
		l.queues = make(map[string][]chan struct{})
	}
	waiting, busy := l.queues[name]
	if !busy {
		l.queues[name] = nil
		return nil
	}
	turn := make(chan struct{})
	l.queues[name] = append(waiting, turn)
	return turn
}

// leave gives up a turn. One that has come meanwhile goes to the next.
func (l *Local) leave(name string, turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := l.queues[name]
	if i := slices.Index(waiting, turn); i >= 0 {
		l.queues[name] = slices.Delete(waiting, i, i+1)
		return
	}
	l.pass(name)
}

// pass gives name to the first who waits, or to nobody. l.mu is held.
func (l *Local) pass(name string) {
	waiting := l.queues[name]
	if len(waiting) == 0 {
		delete(l.queues, name)
		return
	}
	close(waiting[0])
	l.queues[name] = waiting[1:]
}
