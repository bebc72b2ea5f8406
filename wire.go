package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/modtier/modtier/config"
	"github.com/modtier/modtier/gateway"
	"github.com/modtier/modtier/metrics"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/external"
	"github.com/modtier/modtier/tiers/memory"
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
	picture  string         // of the stack, for the log
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
	names := c.Tiers.Stack[slices.Index(c.Tiers.Stack, "disk")+1:]
	m := metrics.New(v.Version, names...)
	if err := s.openTraces(ctx, c, v, m, log); err != nil {
		return nil, err
	}
	log = s.traces.Log(log)
	id := "modtier-" + rand.Text()

	settings := newGoSettings(ctx, c)
	proxies, err := proxyList(c, settings)
	if err != nil {
		return nil, err
	}
	sumdbs, sumdbNames, err := sumDBs(c, settings)
	if err != nil {
		return nil, err
	}
	var source tiers.Source
	var watched *watchedUpstream // nil when offline
	if proxies != nil {
		proxies.Netrc = netrc(c)
		proxies.SumDBs = sumdbs
		proxies.Timeout = c.Timeout
		proxies.OnResume = m.Resumed
		proxies.Via = id
		s.upstream = proxies
		if c.Tiers.Traces.Upstream { // it may be anybody's, and learns nothing unless it is to know
			proxies.Wrap = s.traces.Outward
		}
		watched = &watchedUpstream{
			Source:   s.traces.Source(m.Source(proxies, "upstream"), "upstream"),
			Upstream: m.Upstream(s.traces.Answers(proxies, "upstream")),
		}
		source = watched
	}

	limits := tiers.DiskLimits{
		Size:    c.Tiers.Disk.Size,
		Free:    c.Tiers.Disk.Free,
		Evicted: func(reason string, age time.Duration) { m.Evicted("disk", reason, age) },
	}
	if c.StorageType == "disk" {
		limits = tiers.DiskLimits{} // the disk tier is the store, and a store does not forget
	}
	disk, err := tiers.OpenDisk(c.Tiers.Disk.Path, limits, log)
	if err != nil {
		key := "Tiers.Disk.Path (MODTIER_DISK_PATH)"
		if c.StorageType == "disk" {
			key = "Storage.Disk.RootPath (ATHENS_DISK_STORAGE_ROOT)"
		}
		return nil, fmt.Errorf("%w; set %s to a directory that can be written", err, key)
	}
	s.closers = append(s.closers, func() { disk.Close() })
	if proxies != nil {
		s.addDirect(c, settings, proxies, log)
	}

	var caches []tiers.Cache
	var pictures []string
	for _, name := range c.Tiers.Stack {
		switch name {
		case "memory":
			mem, err := memory.Open(c.Tiers.Memory.Size, func(age time.Duration) { m.Evicted("memory", "size", age) })
			if err != nil {
				return nil, err
			}
			s.closers = append(s.closers, mem.Close)
			caches = append(caches, s.traces.Cache(m.Cache(mem, name, mem.Usage, mem.Limit()), name))
			s.shown = append(s.shown, shown{name: name, role: "cache", usage: mem.Usage, limit: mem.Limit(), look: tiers.LookInto(mem)})
			pictures = append(pictures, "memory "+sizeText(c.Tiers.Memory.Size))
		case "disk":
			caches = append(caches, s.traces.Cache(m.Cache(disk, name, disk.Usage, disk.Limit()), name))
			s.showDisk(c, disk)
			pictures = append(pictures, "disk "+sizeText(disk.Limit())+" "+c.Tiers.Disk.Path)
		}
	}
	s.stack = &tiers.Stack{
		Caches:   caches,
		Disk:     disk,
		Upstream: source,
		Fills:    int64(c.ProtocolWorkers),
		Timeout:  c.StashTimeout,
		Filled: func(ctx context.Context, f tiers.Fill) {
			m.Filled(ctx, f)
			s.keeping(f)
		},
		Watch: s.traces.Watch(),
		Log:   log,
	}
	m.Stack(s.stack)
	m.Disk(disk)
	if err := s.addRecord(c); err != nil {
		return nil, err
	}
	for _, name := range names {
		st, err := s.openStore(ctx, c, name, m, log)
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, name+" "+st.place)
	}
	s.picture = strings.Join(pictures, " > ")
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
	robots, err := readRobots(c)
	if err != nil {
		return nil, err
	}
	rules, err := s.readPolicy(c)
	if err != nil {
		return nil, err
	}
	s.gateway = &gateway.Gateway{
		Files:  s.stack,
		Held:   s.stack.Held(),
		Notes:  disk,
		Caches: c.Tiers.Stack[:len(caches)],
		Stores: names,
		Times: gateway.Times{
			Fresh:      c.Tiers.Answers.Fresh,
			Revalidate: c.Tiers.Answers.Revalidate,
			Stale:      c.Tiers.Answers.Stale,
			Negative:   c.Tiers.Answers.Negative,
		},
		Questions:     int64(c.ProtocolWorkers),
		Strict:        c.NetworkMode == "strict",
		SumDBs:        sumdbNames,
		NoSumPatterns: c.NoSumPatterns,
		Policy:        rules,
		Prefix:        c.PathPrefix,
		User:          c.BasicAuthUser,
		Pass:          c.BasicAuthPass,
		ForceSSL:      c.ForceSSL,
		Robots:        robots,
		HomeFile:      c.HomeTemplatePath,
		Version:       v.json(),
		ID:            id,
		Peers:         s.peers(c),
		Ready:         disk.Check,
		Degraded:      s.degraded,
		Checks:        append([]gateway.Check{{Tier: "disk", Ask: disk.Check}}, s.checks()...),
		Observe:       func(r gateway.Request) { m.Request(r.Kind, r.Code, r.ServedBy, r.Duration, r.Bytes, r.TraceID) },
		Trace:         s.trace(),
		Answer:        m.Answer,
		Log:           log,
	}
	if watched != nil {
		s.gateway.Upstream = watched
	}
	if c.StatsExporter == "prometheus" {
		s.gateway.Metrics = m.Handler()
	}
	m.Config(c.Fingerprint(upstreamText(s.upstream), strings.Join(sumdbNames, ","), rules.Digest()))
	if s.stack.Record != nil {
		s.gateway.Index = s.stack.Record
	}
	s.addStatus(m, v.Version)
	return s, nil
}

// upstreamText is what is asked on a miss, wherever that was set.
func upstreamText(l *upstream.List) string {
	if l == nil {
		return "off"
	}
	return l.String()
}

// close gives up what wire opened, the last first.
func (s *service) close() {
	for _, c := range slices.Backward(s.closers) {
		c()
	}
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

// readRobots returns what is served as /robots.txt, or nil for nothing.
func readRobots(c *config.Config) ([]byte, error) {
	robots, err := os.ReadFile(c.RobotsFile)
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

// sizeText returns a number of bytes for a person.
func sizeText(n int64) string {
	if n == 0 {
		return "unbounded"
	}
	size, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if size < 1024 {
			break
		}
		size, unit = size/1024, next
	}
	return strconv.FormatFloat(math.Round(size*100)/100, 'f', -1, 64) + unit
}
