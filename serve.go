package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/modtier/modtier/config"
)

// serve runs a gateway until ctx is done, then lets it finish what it has begun.
func serve(ctx context.Context, o config.Options) error {
	c, warnings, err := config.Load(o)
	if err != nil {
		for _, w := range warnings {
			fmt.Fprintln(os.Stderr, "modtier: warning:", w)
		}
		return err
	}
	lines := &lineBuffer{w: os.Stderr}
	defer lines.Flush()
	recent := newRecentLog(newLog(lines, c).Handler())
	log := slog.New(recent)
	for _, w := range warnings {
		log.Warn(w)
	}
	s, err := wire(ctx, c, log)
	if err != nil {
		return err
	}
	defer s.close()
	s.problems = recent.Problems
	ln, base, err := listen(c)
	if err != nil {
		return err
	}
	use := ""
	if base != nil {
		use = s.use(base)
		s.gateway.Home = fmt.Sprintf("This is modtier, a proxy for Go modules. To use it:\n\n\t%s\n", use)
	} else {
		s.gateway.Home = "This is modtier, a proxy for Go modules.\n"
	}
	server := newServer(s.gateway.Handler(), log)
	announce(log, s, ln, use)
	ended := make(chan error, 2)
	servers := []*http.Server{server}
	if s.serve != nil {
		storeServer, storeListener, err := serveStore(c, s.serve, log)
		if err != nil {
			ln.Close()
			return err
		}
		servers = append(servers, storeServer)
		go func() { ended <- storeServer.Serve(storeListener) }()
	}
	if c.EnablePprof {
		profiles, err := servePprof(c.PprofPort, log)
		if err != nil {
			ln.Close()
			return err
		}
		defer profiles.Close()
	}
	s.stack.Start()
	serving, stop := context.WithCancel(ctx)
	defer stop()
	go s.live.Run(serving)
	checked := make(chan struct{})
	go func() {
		defer close(checked)
		s.checkStores(ctx, c, log)
	}()
	defer func() { <-checked }()
	go func() { ended <- server.Serve(ln) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	return shutDown(servers, s, c, log)
}

// serveStore opens the listener of the external-store protocol.
func serveStore(c *config.Config, handler http.Handler, log *slog.Logger) (*http.Server, net.Listener, error) {
	t := c.Tiers.Serve
	ln, err := net.Listen("tcp", t.Listen)
	if err != nil {
		return nil, nil, fmt.Errorf("listening: %w; set Tiers.Serve.Listen (MODTIER_SERVE_LISTEN) to a free address", err)
	}
	if ln, err = withTLS(ln, t.TLSCertFile, t.TLSKeyFile); err != nil {
		return nil, nil, fmt.Errorf("Tiers.Serve.TLSCertFile and Tiers.Serve.TLSKeyFile: %w", err)
	}
	log.Info("serving the stack as an external store", "address", ln.Addr().String())
	return newServer(handler, log), ln, nil
}

// newServer returns a server that bounds what a client may make it wait for or
// hold in memory.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// Bodies are bounded by a deadline that moves with each write: a
		// large zip may take as long as it keeps moving.
	}
}

// announce says in two lines where the gateway is, what it is made of, and how
// to use it.
func announce(log *slog.Logger, s *service, ln net.Listener, use string) {
	up := "none (offline)"
	if s.upstream != nil {
		up = s.upstream.String()
	}
	log.Info("listening", "address", ln.Addr().String(), "stack", strings.Join(s.picture, " > "), "upstream", up)
	if use != "" {
		log.Info("to use it", "run", use)
	}
}

// shutDown stops accepting, and waits for responses, fills and saves until the time
// is up.
func shutDown(servers []*http.Server, s *service, c *config.Config, log *slog.Logger) error {
	waiting := 0
	if s.stack.Queue != nil {
		waiting = s.stack.Queue.Versions()
	}
	log.Info("shutting down", "timeout", c.ShutdownTimeout, "fills", s.stack.Filling(), "saves", waiting)
	ctx, cancel := context.WithTimeout(context.Background(), c.ShutdownTimeout)
	defer cancel()
	defer s.traces.Close(ctx)
	var err error
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(ctx))
	}
	if err == nil {
		err = s.stack.Flush(ctx)
	}
	if err != nil {
		for _, server := range servers {
			server.Close()
		}
		log.Warn("ended with work under way", "fills", s.stack.Filling(), "err", err)
		return nil // what was broken off is fetched anew, and what waits is saved after the next start
	}
	log.Info("ended")
	return nil
}

// listen opens the listener, with TLS if the configuration says so, and returns
// the URL at which it is reached from this machine, or nil for a unix socket.
func listen(c *config.Config) (net.Listener, *url.URL, error) {
	network, address := c.Listen()
	if network == "unix" {
		if err := removeStale(address); err != nil {
			return nil, nil, err
		}
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		key := "Port (ATHENS_PORT, --listen)"
		if network == "unix" {
			key = "UnixSocket (ATHENS_UNIX_SOCKET)"
		}
		return nil, nil, fmt.Errorf("listening: %w; set %s to a free address", err, key)
	}
	scheme := "http"
	if c.TLSCertFile != "" {
		scheme = "https"
	}
	if ln, err = withTLS(ln, c.TLSCertFile, c.TLSKeyFile); err != nil {
		return nil, nil, fmt.Errorf("TLSCertFile and TLSKeyFile: %w", err)
	}
	addr, ok := ln.Addr().(*net.TCPAddr)
	if !ok {
		return ln, nil, nil
	}
	host := addr.IP.String()
	if addr.IP.IsUnspecified() || addr.IP.IsLoopback() {
		host = "localhost"
	}
	return ln, &url.URL{Scheme: scheme, Host: net.JoinHostPort(host, fmt.Sprint(addr.Port))}, nil
}

// withTLS returns ln with TLS, or as it is if there is no certificate. With an
// error ln is closed.
func withTLS(ln net.Listener, certFile, keyFile string) (net.Listener, error) {
	if certFile == "" {
		return ln, nil
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		ln.Close()
		return nil, err
	}
	return tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}), nil
}

// removeStale removes the socket of a process that is no more.
func removeStale(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("UnixSocket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("UnixSocket: %s is there and is no socket", path)
	}
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return fmt.Errorf("UnixSocket: another process listens on %s", path)
	}
	return os.Remove(path)
}
