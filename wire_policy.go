package main

import (
	"fmt"

	"github.com/modtier/modtier/config"
	"github.com/modtier/modtier/gateway/policy"
)

// readPolicy reads what the site refuses, and what a miss does. What cannot be
// understood ends the start: to go on would lift a restriction.
func (s *service) readPolicy(c *config.Config) (p policy.Policy, err error) {
	if c.FilterFile != "" {
		if p.Filter, err = policy.ReadFilter(c.FilterFile, c.GlobalEndpoint); err != nil {
			return p, &keyError{"FilterFile", err}
		}
		if own := ownAddress(p.Filter.Endpoint, c); own != "" {
			return p, &keyError{"GlobalEndpoint", fmt.Errorf("%s is this gateway itself, which would redirect for ever: name the proxy for what FilterFile marks with D", own)}
		}
	}
	if c.DownloadMode != "sync" {
		if own := ownAddress(c.DownloadURL, c); own != "" {
			return p, &keyError{"DownloadURL", fmt.Errorf("%s is this gateway itself, which would redirect for ever: name the proxy that has what is missing here", own)}
		}
		if p.Modes, err = policy.ParseModes(c.DownloadMode, c.DownloadURL); err != nil {
			return p, &keyError{"DownloadMode", err}
		}
	}
	if c.ValidatorHook != "" {
		p.Hook = &policy.Hook{URL: c.ValidatorHook}
		s.closers = append(s.closers, p.Hook.Close)
	}
	return p, nil
}
