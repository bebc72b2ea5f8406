package main

import (
	"cmp"
	"log/slog"
	"os/exec"
	"path/filepath"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/config"
	"github.com/modtier/modtier/tiers/direct"
	"github.com/modtier/modtier/tiers/upstream"
)

// addDirect gives l somebody who fetches from version control: for direct in the list,
// and for the modules that no proxy is to hear of.
func (s *service) addDirect(c *config.Config, settings *goSettings, l *upstream.List, log *slog.Logger) {
	private := noProxy(settings)
	if !l.HasDirect() && private == "" {
		return
	}
	if _, err := exec.LookPath(c.GoBinary); err != nil {
		log.Warn("modules cannot be fetched from version control, as direct in the upstream list or GONOPROXY wants it: what the proxies lack is answered as not found. GoBinary (GO_BINARY_PATH) is to name a go command",
			"err", err)
		return
	}
	f := &direct.Fetcher{
		Go:          c.GoBinary,
		Env:         c.GoBinaryEnvVars,
		Dir:         cmp.Or(c.GoGetDir, filepath.Join(c.Tiers.Disk.Path, ".modtier")),
		Workers:     c.GoGetWorkers,
		Timeout:     c.StashTimeout,
		Netrc:       netrc(c),
		GithubToken: c.GithubToken,
		HGRC:        c.HGRCPath,
		Log:         log,
	}
	s.closers = append(s.closers, func() { f.Close() })
	l.Direct = f
	l.Private = func(path string) bool { return module.MatchPrefixPatterns(private, path) }
}

// netrc returns the path of the netrc file, or "" for the usual ones.
func netrc(c *config.Config) string { return cmp.Or(c.NETRCPath, envVar(c.GoBinaryEnvVars, "NETRC")) }

// noProxy returns the patterns of the modules that no proxy is to be asked for.
func noProxy(settings *goSettings) string {
	patterns, err := settings.get("GONOPROXY") // which is GOPRIVATE's if it has none itself
	if err != nil {
		patterns, _ = settings.get("GOPRIVATE") // and here there is no go command to say so
	}
	return patterns
}
