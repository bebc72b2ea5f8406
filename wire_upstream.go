package main

import (
	"fmt"
	"strings"

	"github.com/modtier/modtier/config"
	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers/upstream"
)

// openUpstream returns what is asked on a miss, or nil when offline. It calls itself
// id to who may be ourselves.
func (s *service) openUpstream(c *config.Config, settings *goSettings, sumdbs []string, id string, m *metrics.Metrics) (*watchedUpstream, error) {
	proxies, err := proxyList(c, settings)
	if proxies == nil || err != nil {
		return nil, err
	}
	proxies.Netrc = netrc(c)
	proxies.SumDBs = sumdbs
	proxies.Timeout = c.Timeout
	proxies.OnResume = m.Resumed
	proxies.Via = id
	s.upstream = proxies
	if c.Tiers.Traces.Upstream { // it may be anybody's, and learns nothing unless it is to know
		proxies.Wrap = s.traces.Outward
	}
	return &watchedUpstream{
		Source:   s.traces.Source(m.Source(proxies, "upstream"), "upstream"),
		Upstream: m.Upstream(s.traces.Answers(proxies, "upstream")),
	}, nil
}

// proxyList returns the upstream: what our own key says, else GOPROXY. It is nil when
// offline.
func proxyList(c *config.Config, settings *goSettings) (*upstream.List, error) {
	const key = "Tiers.Upstream"
	if c.NetworkMode == "offline" {
		return nil, nil
	}
	value, from := c.Tiers.Upstream, ""
	if value == "" {
		var err error
		if value, err = settings.get("GOPROXY"); err != nil {
			return nil, &keyError{key, fmt.Errorf("there is no upstream: set it (MODTIER_UPSTREAM, --upstream) or GOPROXY, for the go command cannot be asked for its own: %w", err)}
		}
		from = "it is not set, and in GOPROXY, of GoBinaryEnvVars, the environment or the go command, "
	}
	if strings.TrimSpace(value) == "off" {
		return nil, nil
	}
	list, err := upstream.Parse(value)
	if err != nil {
		return nil, &keyError{key, fmt.Errorf("%s%w", from, err)}
	}
	if entry := ownAddress(value, c); entry != "" {
		return nil, &keyError{key, fmt.Errorf("%sthe upstream %s is this gateway itself: set it (MODTIER_UPSTREAM, --upstream) to the proxy behind it, for example what GOPROXY was before", from, entry)}
	}
	return list, nil
}

// sumDBs returns the checksum databases that are served, and their names: the
// configured ones, else the go command's. Without either there are none.
func sumDBs(c *config.Config, settings *goSettings) (dbs, names []string, err error) {
	dbs = c.SumDBs
	if dbs == nil {
		value, _ := settings.get("GOSUMDB") // without a go command, clients ask a database themselves
		if value != "" && value != "off" {
			dbs = []string{value}
		}
	}
	if names, err = upstream.SumDBNames(dbs); err != nil {
		return nil, nil, &keyError{"SumDBs", err}
	}
	return dbs, names, nil
}

// upstreamText is what is asked on a miss, wherever that was set.
func upstreamText(l *upstream.List) string {
	if l == nil {
		return "off"
	}
	return l.String()
}
