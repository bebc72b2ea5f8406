package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/modtier/modtier/config"
	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/external"
	"github.com/modtier/modtier/tiers/upstream"
	"github.com/modtier/modtier/traces"
)

// A service is a gateway and what is under it.
type service struct {
	gateway  *gateway.Gateway
	stack    *tiers.Stack
	upstream *upstream.List // nil when offline
	serve    http.Handler   // of the external-store protocol; nil if it is off
	stores   []*store
	traces   *traces.Traces // nil if nobody is to have any
	picture  []string       // of the tiers, the fastest first, for the log
	page
	closers []func()
}

// wire makes a service of a configuration. This file and its neighbours, wire_*.go,
// are the one place that knows all the rooms.
func wire(ctx context.Context, c *config.Config, log *slog.Logger) (s *service, err error) {
	s = new(service)
	opened := s // which a return with an error sets to nil
	defer func() {
		if err != nil {
			opened.close()
		}
	}()
	v := buildVersion()
	names := c.Tiers.Stack[slices.Index(c.Tiers.Stack, "disk")+1:] // of the stores
	m := metrics.New(v.Version, names...)
	if err := s.openTraces(ctx, c, v, m, log); err != nil {
		return nil, err
	}
	log = s.traces.Log(log)
	id := "modtier-" + rand.Text()

	settings := newGoSettings(ctx, c)
	sumdbs, sumdbNames, err := sumDBs(c, settings)
	if err != nil {
		return nil, err
	}
	up, err := s.openUpstream(c, settings, sumdbs, id, m)
	if err != nil {
		return nil, err
	}
	disk, err := s.openDisk(c, m, log)
	if err != nil {
		return nil, err
	}
	if up != nil {
		s.addDirect(c, settings, s.upstream, log)
	}
	caches, err := s.openCaches(c, disk, m)
	if err != nil {
		return nil, err
	}
	s.stack = &tiers.Stack{
		Caches:  caches,
		Disk:    disk,
		Fills:   int64(c.ProtocolWorkers),
		Timeout: c.StashTimeout,
		Filled: func(ctx context.Context, f tiers.Fill) {
			m.Filled(ctx, f)
			s.keeping(f)
		},
		Watch: s.traces.Watch(),
		Log:   log,
	}
	if up != nil {
		s.stack.Upstream = up
	}
	m.Stack(s.stack)
	m.Disk(disk)
	if err := s.addRecord(c); err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := s.openStore(ctx, c, name, m, log); err != nil {
			return nil, err
		}
	}
	written := len(names) > 0 && c.Tiers.Write != "none"
	if written || c.Tiers.Peers.URL != "" {
		if err := s.addLocker(ctx, c, m, log); err != nil {
			return nil, err
		}
	}
	if written {
		if err := s.addQueue(c, settings, sumdbs, m, log); err != nil {
			return nil, err
		}
	}
	if c.Tiers.Serve.Listen != "" {
		s.serve = s.traces.Handler("store", &external.Handler{
			Store:    s.stack.Held(),
			User:     c.Tiers.Serve.User,
			Pass:     c.Tiers.Serve.Pass,
			SpoolDir: c.Tiers.Disk.Path,
			Log:      log,
		})
	}
	if err := s.addGateway(c, m, log); err != nil {
		return nil, err
	}
	s.gateway.ID, s.gateway.Version, s.gateway.SumDBs = id, v.json(), sumdbNames
	if up != nil {
		s.gateway.Upstream = up
	}
	m.Config(c.Fingerprint(upstreamText(s.upstream), strings.Join(sumdbNames, ","), s.gateway.Policy.Digest()))
	s.addStatus(m, v.Version)
	return s, nil
}

// close gives up what wire opened, the last first.
func (s *service) close() {
	for _, c := range slices.Backward(s.closers) {
		c()
	}
}
