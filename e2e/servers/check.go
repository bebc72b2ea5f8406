//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// A check asks a server once whether it is ready. If so, the error is nil.
type check func(ctx context.Context) error

// answers checks that a server answers over HTTP, whatever it says.
func answers(url string) check { return says(url, "") }

// says checks that the answer at url has text in it.
func says(url, text string) check {
	client := &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true}, // and without a proxy
		Timeout:   5 * time.Second,
	}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		if err != nil {
			return err
		}
		if resp.StatusCode >= 500 || !strings.Contains(string(b), text) {
			return fmt.Errorf("%s answers %s", url, resp.Status)
		}
		return nil
	}
}

// accepts checks that a server accepts connections.
func accepts(addr string) check {
	return func(ctx context.Context) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
