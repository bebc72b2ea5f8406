package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
)

// servePprof serves profiles of this process at address, which is a loopback one:
// they show what is in memory. The caller must close the server, which waits for
// no profile that is being taken.
func servePprof(address string, log *slog.Logger) (*http.Server, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening: %w; set PprofPort (ATHENS_PPROF_PORT) to a free address", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := newServer(mux, log)
	go server.Serve(ln) // until it is closed
	log.Info("serving profiles", "url", "http://"+ln.Addr().String()+"/debug/pprof/")
	return server, nil
}
