package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// split returns the items of a list with commas, without blanks.
func split(s string) []string {
	kept, _ := list(",")(s)
	return kept.([]string)
}

// isServer reports whether s is a host and a port, and nothing more.
func isServer(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || strings.Contains(host, ",") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return false
	}
	u, err := url.Parse("//" + s)
	return err == nil && u.Host == s
}

// etcdEndpoints is text with commas, as Athens has it. The client takes from the
// first server whether to speak TLS to all of them.
func etcdEndpoints(raw any) (any, error) {
	s, _ := raw.(string)
	items := split(s)
	secure := 0
	for i, item := range items {
		scheme, server, ok := strings.Cut(strings.TrimSuffix(item, "/"), "://")
		if !ok {
			scheme, server = "", item
		}
		scheme = strings.ToLower(scheme)
		if ok && scheme != "http" && scheme != "https" || !isServer(server) {
			items = nil
			break
		}
		if scheme == "https" {
			secure++
		}
		if ok {
			items[i] = scheme + "://" + server
		}
	}
	switch {
	case len(items) == 0:
		return nil, errors.New(`want servers as "host:2379" or "https://host:2379", with commas between`)
	case secure > 0 && secure < len(items):
		return nil, errors.New("want https:// before each server, or before none")
	}
	return strings.Join(items, ","), nil
}

// sentinels is a list of servers.
func sentinels(raw any) (any, error) {
	items, err := list(",")(raw)
	if err != nil {
		return nil, err
	}
	for _, item := range items.([]string) {
		if !isServer(item) {
			return nil, errors.New(`want each as "host:26379"`)
		}
	}
	if len(items.([]string)) == 0 {
		return nil, errors.New(`want one or more, as "host:26379"`)
	}
	return items, nil
}

// parseRedis takes one server of Redis. What a client makes of a query is for
// the client to say.
func parseRedis(s string) (*url.URL, error) {
	if isServer(s) {
		return &url.URL{Host: s}, nil
	}
	wrong := errors.New(`want "host:6379", or a URL as "redis://host:6379" or "rediss://:password@host:6379/0"`)
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || strings.Contains(s, "#") {
		return nil, wrong
	}
	if !isServer(u.Host) && !isServer(u.Host+":6379") {
		return nil, wrong
	}
	db := strings.Trim(u.Path, "/")
	if _, err := strconv.ParseUint(db, 10, 31); err != nil && db != "" {
		return nil, wrong
	}
	return u, nil
}

func number(raw any) (any, error) {
	n, err := strconv.Atoi(fmt.Sprint(raw))
	if err != nil || n < 0 {
		return nil, errors.New("want a whole number, 0 or more")
	}
	return n, nil
}

// lease is a span that lock services can count: one of them does so in seconds.
func lease(raw any) (any, error) {
	d, err := span(raw)
	if err == nil && d.(time.Duration) < time.Second {
		return nil, errors.New(`want 1s or more, as "15s"`)
	}
	return d, err
}

// longSecret is a secret that cannot be guessed from what it signs.
func longSecret(raw any) (any, error) {
	s, err := text(raw)
	if err == nil && utf8.RuneCountInString(s.(string)) < 16 {
		return nil, errors.New("want 16 characters or more")
	}
	return s, err
}
