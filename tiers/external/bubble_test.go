package external_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/modtier/modtier/tiers/external"
)

// A line is a listener whose connections are pipes, so that time in a bubble
// passes while everybody waits.
type line struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *line) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *line) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *line) Addr() net.Addr { return &net.UnixAddr{Name: "line"} }

func (l *line) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	l.conns <- far
	return near, nil
}

// bubble runs a server and a client of it in a bubble. The handler is made in
// there, too.
func bubble(t *testing.T, h func() http.Handler, test func(t *testing.T, c *external.Client)) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{conns: make(chan net.Conn), done: make(chan struct{})}
		s := &http.Server{Handler: h()}
		ended := make(chan struct{})
		go func() { defer close(ended); s.Serve(l) }()
		tr := &http.Transport{DisableCompression: true, DialContext: l.dial}
		test(t, &external.Client{URL: "http://line", HTTP: &http.Client{Transport: tr}})
		tr.CloseIdleConnections()
		s.Close()
		<-ended
	})
}
