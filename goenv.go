package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/modtier/modtier/config"
)

// goEnv asks the go command for one of its settings, which may come from the
// environment, from go env -w, or be its default. So no public host's name needs
// to be written here.
func goEnv(ctx context.Context, c *config.Config, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.GoBinary, "env", name)
	cmd.Env = append(append(os.Environ(), c.GoBinaryEnvVars...), "GOTOOLCHAIN=local", "GOFLAGS=")
	cmd.Dir = os.TempDir() // not in a module: its go.mod could ask for another toolchain
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("%s env %s: %w", c.GoBinary, name, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// ownAddress returns the first entry of a GOPROXY list that is where c listens,
// or "". A way back to us over other hosts is found out by the Via header of
// the requests.
func ownAddress(list string, c *config.Config) string {
	network, address := c.Listen()
	_, port, err := net.SplitHostPort(address)
	if network != "tcp" || err != nil || port == "0" {
		return ""
	}
	for _, entry := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == '|' }) {
		entry = strings.TrimSpace(entry)
		if !strings.Contains(entry, "://") {
			entry = "https://" + entry // as the go command reads it
		}
		u, err := url.Parse(entry)
		if err != nil || u.Host == "" {
			continue
		}
		p := u.Port()
		if p == "" {
			p = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		if p == port && isOwnHost(u.Hostname()) {
			return u.Redacted()
		}
	}
	return ""
}

// isOwnHost reports whether host is a name or an address of this machine.
func isOwnHost(host string) bool {
	if name, err := os.Hostname(); strings.EqualFold(host, "localhost") || err == nil && strings.EqualFold(host, name) {
		return true
	}
	ip := net.ParseIP(host)
	if ip == nil {
		return false
	}
	addrs, _ := net.InterfaceAddrs() // without them, only loopback is known
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(ip) {
			return true
		}
	}
	return ip.IsLoopback() || ip.IsUnspecified()
}
