package bucket

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/internal/web"
)

// list returns one page of keys.
func (b *Bucket) list(ctx context.Context, prefix, after string, limit int) (keys []string, more bool, err error) {
	ctx, cancel := b.bound(ctx)
	defer cancel()
	keys, more, err = b.client.list(ctx, prefix, after, limit)
	return keys, more && len(keys) > 0, web.Why(ctx, err)
}

// Versions lists the versions of a module of which all three files are stored.
func (b *Bucket) Versions(ctx context.Context, modPath string) ([]string, error) {
	var vs []string
	files := make(map[string]int) // of each version that has some, how many
	prefix, after := b.layout.prefix(modPath), ""
	for more := true; more; {
		var keys []string
		var err error
		if keys, more, err = b.list(ctx, prefix, after, 0); err != nil {
			return nil, fmt.Errorf("%s: versions of %s: %w", b.Name, modPath, err)
		}
		for _, key := range keys {
			after = key
			if r, ok := b.layout.parse(key); ok && r.Path == modPath {
				if files[r.Version]++; files[r.Version] == 3 {
					vs = append(vs, r.Version)
				}
			}
		}
		after = b.layout.leave(prefix, after)
	}
	return vs, nil
}

// leave returns key, or what comes after all that lies beside it if key lies in a
// directory below prefix in which there is no version: a module that lies below
// another one can be large.
func (l layout) leave(prefix, key string) string {
	if !l.dirs {
		return key
	}
	dir, rest, deep := strings.Cut(strings.TrimPrefix(key, prefix), "/")
	if !deep {
		return key
	}
	modPath := strings.TrimSuffix(prefix, "/")
	if !tiers.Canonical(module.Version{Path: modPath, Version: dir}) {
		return prefix + dir + behindSlash
	}
	if below, _, deep := strings.Cut(rest, "/"); deep {
		return prefix + dir + "/" + below + behindSlash
	}
	return key
}

// Delete removes v, its info first. If v is not there, the error matches
// fs.ErrNotExist.
func (b *Bucket) Delete(ctx context.Context, v module.Version) error {
	found, err := b.delete(ctx, v)
	if err != nil {
		return fmt.Errorf("%s: delete %s: %w", b.Name, v, err)
	}
	if !found {
		return fs.ErrNotExist
	}
	return nil
}

func (b *Bucket) delete(ctx context.Context, v module.Version) (found bool, err error) {
	_, done, err := b.saving.Lock(ctx, v.String())
	if err != nil {
		return false, err
	}
	defer done()
	defer b.forget(v)
	for _, k := range []tiers.Kind{tiers.Info, tiers.Mod, tiers.Zip} {
		key := b.layout.key(tiers.Ref{Path: v.Path, Version: v.Version, Kind: k})
		there, err := b.has(ctx, key)
		if err != nil {
			return found, err
		}
		if !there {
			continue
		}
		found = true
		if err := b.remove(ctx, key); err != nil {
			return found, err
		}
	}
	return found, nil
}

func (b *Bucket) remove(ctx context.Context, key string) error {
	ctx, cancel := b.bound(ctx)
	defer cancel()
	return web.Why(ctx, b.client.remove(ctx, key))
}
