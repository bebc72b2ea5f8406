package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/modtier/modtier/tiers"
)

// Versions returns what upstream lists as the versions of path, in its order.
// Lines that name no version are left out, as the go command does it.
func (l *List) Versions(ctx context.Context, path string) (versions []string, err error) {
	p, err := module.EscapePath(path)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	var b []byte
	err = l.walk(ctx, path, func(e *entry) (err error) {
		b, err = l.read(ctx, e, p+"/@v/list", maxList)
		return err
	}, func(f Fetcher) (err error) {
		versions, err = f.Versions(ctx, path)
		return err
	})
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		// What follows the version on its line is of no concern.
		if f := strings.Fields(line); len(f) > 0 && semver.IsValid(f[0]) {
			versions = append(versions, f[0])
		}
	}
	return versions, nil
}

// Latest returns the info of the version of path that upstream says is the
// latest, in JSON and as upstream wrote it.
func (l *List) Latest(ctx context.Context, path string) ([]byte, error) {
	p, err := module.EscapePath(path)
	if err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	return l.info(ctx, path, p+"/@latest", func(f Fetcher) ([]byte, error) { return f.Latest(ctx, path) })
}

// Query returns the info of the version of path that query means: a branch, a
// commit or a prefix of a version; in JSON and as upstream wrote it.
func (l *List) Query(ctx context.Context, path, query string) ([]byte, error) {
	name, err := fileName(path, query, ".info")
	if err != nil {
		return nil, err
	}
	return l.info(ctx, path, name, func(f Fetcher) ([]byte, error) { return f.Query(ctx, path, query) })
}

func (l *List) info(ctx context.Context, path, name string, fetch func(Fetcher) ([]byte, error)) (b []byte, err error) {
	err = l.walk(ctx, path, func(e *entry) (err error) {
		b, err = l.read(ctx, e, name, maxSmall)
		if err != nil {
			return err
		}
		if err := checkInfo(path, b); err != nil {
			return &tiers.UpstreamError{Upstream: e.name(), Err: fmt.Errorf("%s: %w", name, err)}
		}
		return nil
	}, func(f Fetcher) (err error) {
		b, err = fetch(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// checkInfo says what keeps b from being the info of a version of path.
func checkInfo(path string, b []byte) error {
	var info struct{ Version string }
	if err := json.Unmarshal(b, &info); err != nil {
		return err
	}
	if info.Version != module.CanonicalVersion(info.Version) {
		return fmt.Errorf("%q is not a version", info.Version)
	}
	return module.Check(path, info.Version)
}

// read returns a small answer. If it breaks in the middle, it is asked for
// again as a whole.
func (l *List) read(ctx context.Context, e *entry, path string, limit int64) (b []byte, err error) {
	if e.isFile() {
		return e.readFile(path, limit)
	}
	err = try(ctx, func() error {
		a, err := l.ask(ctx, e, path, nil)
		if err != nil {
			return err
		}
		if err := a.verdict(e); err != nil {
			return err
		}
		defer a.close()
		b, err = io.ReadAll(io.LimitReader(a.Body, limit+1))
		if err != nil {
			return broken(e, a.watch, err)
		}
		if int64(len(b)) > limit {
			return tooLarge(e, limit)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}
