package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/url"

	"github.com/modtier/modtier/config"
	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/internal/smallfile"
	"github.com/modtier/modtier/metrics"
)

// addGateway puts the gateway over the stack.
func (s *service) addGateway(c *config.Config, m *metrics.Metrics, log *slog.Logger) error {
	robots, err := readRobots(c)
	if err != nil {
		return err
	}
	rules, err := s.readPolicy(c)
	if err != nil {
		return err
	}
	s.gateway = &gateway.Gateway{
		Files:  s.stack,
		Held:   s.stack.Held(),
		Notes:  s.stack.Disk,
		Caches: c.Tiers.Stack[:len(s.stack.Caches)],
		Stores: c.Tiers.Stack[len(s.stack.Caches):],
		Times: gateway.Times{
			Fresh:      c.Tiers.Answers.Fresh,
			Revalidate: c.Tiers.Answers.Revalidate,
			Stale:      c.Tiers.Answers.Stale,
			Negative:   c.Tiers.Answers.Negative,
		},
		Questions:     int64(c.ProtocolWorkers),
		Strict:        c.NetworkMode == "strict",
		NoSumPatterns: c.NoSumPatterns,
		Policy:        rules,
		Prefix:        c.PathPrefix,
		User:          c.BasicAuthUser,
		Pass:          c.BasicAuthPass,
		ForceSSL:      c.ForceSSL,
		Robots:        robots,
		HomeFile:      c.HomeTemplatePath,
		Peers:         s.peers(c),
		Ready:         s.stack.Disk.Check,
		Degraded:      s.degraded,
		Checks:        append([]gateway.Check{{Tier: "disk", Ask: s.stack.Disk.Check}}, s.checks()...),
		Observe:       func(r gateway.Request) { m.Request(r.Kind, r.Code, r.ServedBy, r.Duration, r.Bytes, r.TraceID) },
		Trace:         s.trace(),
		Answer:        m.Answer,
		Log:           log,
	}
	if c.StatsExporter == "prometheus" {
		s.gateway.Metrics = m.Handler()
	}
	if s.stack.Record != nil {
		s.gateway.Index = s.stack.Record
	}
	return nil
}

// maxRobots is what those who read a robots.txt read of it, in bytes.
const maxRobots = 500 << 10

// readRobots returns what is served as /robots.txt, or nil for nothing.
func readRobots(c *config.Config) ([]byte, error) {
	robots, err := smallfile.Read(c.RobotsFile, maxRobots)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &keyError{"RobotsFile", err}
	}
	return robots, nil
}

// use returns the command that makes the go command use a gateway at address.
func (s *service) use(base *url.URL) string {
	u := *base
	u.Path = s.gateway.Prefix
	proxy := u.String()
	if s.gateway.User != "" {
		if u.Scheme == "http" { // over which the go command sends no password
			u.Host = "HOST-THAT-ENDS-TLS"
		}
		proxy = "https://USER:PASSWORD@" + u.Host + u.Path
	}
	if s.upstream != nil && s.upstream.HasDirect() && s.upstream.Direct == nil {
		proxy += ",direct" // which is the client's to do
	}
	return "go env -w GOPROXY=" + proxy
}
