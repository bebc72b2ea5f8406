package upstream

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"github.com/modtier/modtier/tiers"
)

// A finding is the proxy through which a checksum database is asked.
type finding struct {
	proxy *entry    // nil if no proxy answers for it
	until time.Time // zero if it holds for good
}

// unsupportedFor is how long a database that no proxy answers for is asked
// directly, before the proxies are tried again.
const unsupportedFor = time.Minute

// SumDB returns what the checksum database called name answers for path, which
// is "latest" or begins with "lookup/" or "tile/"
// (https://go.dev/design/25530-sumdb#checksum-database). It is asked through
// the first proxy of the list that says it can, else directly. A database that
// is not one of SumDBs is absent.
func (l *List) SumDB(ctx context.Context, name, path string) ([]byte, error) {
	db := l.sumDB(name)
	if db == nil || !fs.ValidPath(path) {
		return nil, &tiers.AbsentError{Text: fmt.Sprintf("no checksum database here has %s/%s", name, path)}
	}
	proxy, err := l.sumDBProxy(ctx, name)
	if err != nil {
		return nil, err
	}
	if proxy == nil {
		return l.read(ctx, db, path, maxSmall)
	}
	return l.read(ctx, proxy, "sumdb/"+name+"/"+path, maxSmall)
}

// SumDBNames returns the names of databases, which are given as [List.SumDBs]
// are, or an error that tells what is wrong with one of them.
func SumDBNames(dbs []string) ([]string, error) {
	var names []string
	for _, s := range dbs {
		name, _, err := parseSumDB(s)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func (l *List) sumDB(name string) *entry {
	for _, s := range l.SumDBs {
		if n, e, err := parseSumDB(s); err == nil && n == name {
			return e
		}
	}
	return nil
}

func parseSumDB(s string) (name string, e *entry, err error) {
	f := strings.Fields(s)
	if len(f) == 0 || len(f) > 2 {
		return "", nil, errors.New("checksum database: want a name and perhaps a URL")
	}
	base := f[len(f)-1]
	if !strings.Contains(base, "://") {
		host, _, _ := strings.Cut(base, "+")
		base = "https://" + host
	}
	e, err = parseEntry(base)
	if err == nil && (e.isFile() || e.url.Host == "") {
		err = errors.New("the URL must be one of a host")
	}
	if err != nil {
		return "", nil, fmt.Errorf("checksum database %s: %w", redact(base), err)
	}
	name, _, _ = strings.Cut(f[0], "+")
	if strings.Contains(f[0], "://") {
		name = strings.TrimSuffix(e.url.Host+e.url.Path, "/")
	}
	// The name becomes part of a path: only host[/path] will do.
	u, err := url.Parse("https://" + name)
	if err != nil || *u != (url.URL{Scheme: "https", Host: u.Host, Path: u.Path}) || !fs.ValidPath(name) || u.Host == "" {
		return "", nil, errors.New("checksum database: its name must be host[/path]")
	}
	return name, e, nil
}

// sumDBProxy returns the first proxy that answers for the database, or nil if
// all say that they do not. An outage is neither: as long as a proxy may be
// the one, the database is not asked behind its back.
func (l *List) sumDBProxy(ctx context.Context, name string) (*entry, error) {
	l.mu.Lock()
	f, ok := l.found[name]
	l.mu.Unlock()
	if ok && (f.until.IsZero() || time.Now().Before(f.until)) {
		return f.proxy, nil
	}

	var proxies []*entry
	for _, e := range l.entries {
		if e.word == "" && !e.isFile() {
			proxies = append(proxies, e)
		}
	}
	f = finding{until: time.Now().Add(unsupportedFor)}
	err := walk(ctx, proxies, func(e *entry) error {
		if _, err := l.read(ctx, e, "sumdb/"+name+"/supported", maxSmall); err != nil {
			return err
		}
		f = finding{proxy: e}
		return nil
	}, nil) // there is no direct among them
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found[name] = f
	return f.proxy, nil
}
