package mongo_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/modtier/modtier/locks/lockstest"
	"github.com/modtier/modtier/locks/mongo"
)

// A line leads to the test's server. Answers on the connections that it has now can
// be lost.
type line struct {
	listener net.Listener
	to       string

	mu   sync.Mutex // guards deaf
	deaf []*atomic.Bool
}

func newLine(t *testing.T) *line {
	t.Helper()
	u, err := url.Parse(uri(t))
	if err != nil {
		t.Fatal(err)
	}
	n := &line{to: u.Host}
	if n.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := n.listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { n.lead(c) })
		}
	})
	t.Cleanup(func() {
		n.listener.Close()
		wg.Wait()
	})
	return n
}

// lead carries what c and the server say, until one has no more.
func (n *line) lead(c net.Conn) {
	defer c.Close()
	s, err := net.Dial("tcp", n.to)
	if err != nil {
		return
	}
	defer s.Close()
	deaf := new(atomic.Bool)
	n.mu.Lock()
	n.deaf = append(n.deaf, deaf)
	n.mu.Unlock()
	go func() {
		io.Copy(s, c)
		s.Close()
	}()
	buf := make([]byte, 32<<10)
	for {
		k, err := s.Read(buf)
		if err != nil {
			return
		}
		if deaf.Load() {
			continue
		}
		if _, err := c.Write(buf[:k]); err != nil {
			return
		}
	}
}

func (n *line) loseAnswers() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range n.deaf {
		d.Store(true)
	}
}

func TestALockWhoseAnswerIsLostIsGivenBack(t *testing.T) {
	t.Parallel()
	s, n := newSite(t, uri(t)), newLine(t)
	l := openAt(t, via(t, s.uri, n.listener.Addr().String()), s.name, mongo.Config{})
	_, unlock, err := l.Lock(lockstest.Within(t), "a")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	n.loseAnswers()
	if _, _, err := l.Lock(lockstest.Within(t), "a"); err == nil {
		t.Error("got a lock without an answer")
	}
	s.empties(t)
	if _, unlock, err = l.Lock(lockstest.Within(t), "a"); err != nil {
		t.Fatal(err)
	}
	unlock()
}
