package main

import (
	"context"
	"crypto/tls"
	"errors"

	"github.com/modtier/modtier/config"
)

// A keyError is about a key whose value only its reader can judge: a list, say, or
// the name of a file.
type keyError struct {
	key string
	err error
}

func (e *keyError) Error() string { return e.key + ": " + e.err.Error() }

func (e *keyError) Unwrap() error { return e.err }

// look refuses in r what serve refuses for what a key names. It reads files, and asks
// the go command if it must; it opens no tier, and asks no server.
func look(ctx context.Context, r *config.Report) {
	if r.Err != nil {
		return // nor does serve come so far
	}
	c := r.Config()
	settings := newGoSettings(ctx, c)
	_, proxies := proxyList(c, settings)
	_, _, sumdbs := sumDBs(c, settings)
	_, robots := readRobots(c)
	_, rules := new(service).readPolicy(c)
	own := checkPair("TLSCertFile", c.TLSCertFile, c.TLSKeyFile)
	stores := checkPair("Tiers.Serve.TLSCertFile", c.Tiers.Serve.TLSCertFile, c.Tiers.Serve.TLSKeyFile)
	for _, err := range []error{proxies, sumdbs, robots, rules, own, stores} {
		if e, ok := errors.AsType[*keyError](err); ok {
			r.Refuse(e.key, e.err)
		}
	}
}

// checkPair says what is wrong with a certificate and its key, if there are any.
func checkPair(key, certFile, keyFile string) error {
	if certFile == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(certFile, keyFile); err != nil {
		return &keyError{key, err}
	}
	return nil
}
