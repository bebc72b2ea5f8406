package etcd

import (
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/internal/lease"
)

// A session is a lease that is kept alive, over connections of its own.
type session struct {
	client *clientv3.Client
	lease  clientv3.LeaseID
	life   context.Context // until it is lost, which is then the cause, or closed
	end    context.CancelCauseFunc

	users   int  // guarded by the locker's mu
	doubted bool // likewise; it may have a key that nobody knows to be there
}

// A making is the making of a session that several wait for.
type making struct {
	done chan struct{}
	err  error // once done
}

// join returns the session, and makes one if there is none or it was lost. Who
// joins must part. After one could not be made nobody waits for the next for
// longer than it takes if the cluster is back.
func (l *Locker) join(ctx context.Context) (*session, error) {
	for {
		l.mu.Lock()
		if s := l.session; s != nil && !s.doubted && s.life.Err() == nil {
			s.users++
			l.mu.Unlock()
			return s, nil
		}
		m := l.making
		if m == nil {
			m = &making{done: make(chan struct{})}
			l.making = m
			l.work.Go(func() { l.make(m) })
		}
		failed := l.failed
		l.mu.Unlock()
		var soon <-chan time.Time
		if failed != nil {
			soon = time.After(250 * time.Millisecond)
		}
		select {
		case <-soon:
			return nil, failed
		case <-m.done:
			if m.err != nil {
				return nil, m.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// part ends a join. A session that is of no more use ends with its last user.
func (l *Locker) part(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.users--
	if s.doubted && l.session == s {
		l.session = nil
	}
	if s.users == 0 && l.session != s {
		l.work.Go(func() { s.close() })
	}
}

// doubt keeps new locks from s. What it left behind ends with it.
func (l *Locker) doubt(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.doubted = true
}

// make makes the next session. It is not bound to who came first.
func (l *Locker) make(m *making) {
	s, err := l.open()
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := l.session; err == nil {
		l.session = s
		if old != nil && old.users == 0 {
			l.work.Go(func() { old.close() })
		}
	}
	l.making = nil
	m.err, l.failed = err, err
	close(m.done)
}

func (l *Locker) open() (*session, error) {
	client, err := clientv3.New(l.config) // asks, if there is a password
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(l.life, patience)
	defer cancel()
	asked := time.Now()
	granted, err := client.Grant(ctx, l.seconds)
	if err != nil {
		client.Close()
		return nil, err
	}
	s := &session{client: client, lease: granted.ID}
	s.life, s.end = context.WithCancelCause(l.life)
	alive, err := client.KeepAlive(s.life, s.lease)
	if err != nil {
		s.close()
		return nil, err
	}
	l.work.Go(func() { s.attend(alive, asked.Add(safely(granted.TTL))) })
	return s, nil
}

// attend ends s when its lease is lost. The client notices a silence too, but up
// to seconds after the lease ran out.
func (s *session) attend(alive <-chan *clientv3.LeaseKeepAliveResponse, end time.Time) {
	timer := time.NewTimer(time.Until(end))
	defer timer.Stop()
	for {
		select {
		case <-s.life.Done():
			return
		case <-timer.C:
			s.end(fmt.Errorf("%w: etcd: the lease was not renewed in time", locks.ErrLost))
			return
		case r, ok := <-alive:
			if !ok {
				s.end(fmt.Errorf("%w: etcd: the lease is at its end", locks.ErrLost))
				return
			}
			timer.Reset(safely(r.TTL))
		}
	}
}

// safely is how long a lease of so many seconds is relied on.
func safely(seconds int64) time.Duration {
	return time.Duration(seconds) * time.Second * 9 / 10
}

// close revokes the lease, and with it all keys, and ends the connections.
func (s *session) close() error {
	s.end(nil)
	ctx, cancel := context.WithTimeout(context.Background(), lease.Moment)
	defer cancel()
	s.client.Revoke(ctx, s.lease) // else it runs out
	return s.client.Close()
}

// pause waits a little before the cluster is asked again.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(100 * time.Millisecond):
	}
}
