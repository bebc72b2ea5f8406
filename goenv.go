package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modtier/modtier/config"
)

// goSettings are the go command's: of GoBinaryEnvVars, of the environment, of go env
// -w, or its defaults. So no public host's name needs to be written here.
type goSettings struct {
	vars []string
	ask  func() (map[string]string, error) // the go command, once, and if the first two do not say
}

func newGoSettings(ctx context.Context, c *config.Config) *goSettings {
	return &goSettings{c.GoBinaryEnvVars, sync.OnceValues(func() (map[string]string, error) { return goEnv(ctx, c) })}
}

// get returns a setting, or why it cannot be known.
func (g *goSettings) get(name string) (string, error) {
	if value := cmp.Or(envVar(g.vars, name), os.Getenv(name)); value != "" {
		return value, nil
	}
	all, err := g.ask()
	return all[name], err
}

// envVar returns the value of the last NAME=VALUE in vars.
func envVar(vars []string, name string) string {
	for _, v := range slices.Backward(vars) {
		if n, value, _ := strings.Cut(strings.TrimSpace(v), "="); n == name {
			return value
		}
	}
	return ""
}

// goEnv asks the go command for all that is needed of it.
func goEnv(ctx context.Context, c *config.Config) (all map[string]string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.GoBinary, "env", "-json", "GOPROXY", "GOSUMDB", "GONOPROXY", "GONOSUMDB", "GOPRIVATE")
	cmd.Env = append(append(os.Environ(), c.GoBinaryEnvVars...), "GOTOOLCHAIN=local", "GOFLAGS=")
	cmd.Dir = os.TempDir() // not in a module: its go.mod could ask for another toolchain
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	case err == nil:
		err = json.Unmarshal(out, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("%s env: %w", c.GoBinary, err)
	}
	return all, nil
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
