package bucket

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// maxScan is how many requests one page of the catalog may take to read over what
// is no whole version. Then it ends early.
const maxScan = 100

// Catalog lists whole versions, in the order of the last key of each.
func (b *Bucket) Catalog(ctx context.Context, token string, n int) (vs []module.Version, next string, err error) {
	fail := func(err error) ([]module.Version, string, error) {
		return nil, "", fmt.Errorf("%s: catalog: %w", b.Name, err)
	}
	after, err := b.key(token)
	if err != nil {
		return fail(err)
	}
	if n < 1 {
		return fail(fmt.Errorf("a page of %d versions", n))
	}
	s := scan{b: b, after: after}
	limit := 3 * min(n, 10_000) // as many keys as it takes if there is nothing else
	for range maxScan {
		keys, more, err := b.list(ctx, "", after, limit)
		if err != nil {
			return fail(err)
		}
		for i, key := range keys {
			after = key
			v, whole, err := s.add(ctx, key)
			if err != nil {
				return fail(err)
			}
			if !whole {
				continue
			}
			if vs = append(vs, v); len(vs) == n {
				if i == len(keys)-1 && !more {
					return vs, "", nil
				}
				return vs, b.token(key), nil
			}
		}
		if !more {
			return vs, "", nil
		}
		limit = min(2*limit, 1<<20)
	}
	return vs, b.token(after), nil
}

// A scan finds whole versions in keys that come in order. The keys of a version
// need not be neighbours: v1.0.0-rc.j.info lies between v1.0.0-rc.info and
// v1.0.0-rc.mod. But as each lies wholly within the gap of another, or outside,
// those that are begun form a stack.
type scan struct {
	b     *Bucket
	after string // the scan began behind this key
	begun []begun
}

type begun struct {
	version module.Version
	last    string // the last key of it
	files   int
}

// add takes the next key, and returns the version that is whole with it.
func (s *scan) add(ctx context.Context, key string) (v module.Version, whole bool, err error) {
	for len(s.begun) > 0 && s.begun[len(s.begun)-1].last < key {
		s.begun = s.begun[:len(s.begun)-1]
	}
	r, ok := s.b.layout.parse(key)
	if !ok {
		return v, false, nil
	}
	v = r.Module()
	top := len(s.begun) - 1
	if top < 0 || s.begun[top].version != v {
		s.begun = append(s.begun, begun{version: v, last: s.b.layout.last(v)})
		top++
	}
	s.begun[top].files++
	if key != s.begun[top].last {
		return v, false, nil
	}
	files := s.begun[top].files
	s.begun = s.begun[:top]
	for _, k := range []tiers.Kind{tiers.Info, tiers.Mod, tiers.Zip} {
		// What lies before the scan began is to be asked for.
		if k := s.b.layout.key(tiers.Ref{Path: v.Path, Version: v.Version, Kind: k}); k <= s.after {
			there, err := s.b.has(ctx, k)
			if err != nil {
				return v, false, err
			}
			if !there {
				return v, false, nil
			}
			files++
		}
	}
	return v, files == 3, nil
}

// token returns the token of the page behind key. The sum keeps out what another
// store gave, or nobody.
func (b *Bucket) token(key string) string {
	sum := b.tokenSum(key)
	return base64.RawURLEncoding.EncodeToString(append(sum[:], key...))
}

func (b *Bucket) tokenSum(key string) [4]byte {
	sum := sha256.Sum256([]byte("catalog of " + b.Name + "\x00" + key))
	return [4]byte(sum[:4])
}

// key is the reverse of token.
func (b *Bucket) key(token string) (string, error) {
	if token == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) <= 4 {
		return "", tiers.ErrToken
	}
	key := string(raw[4:])
	if b.tokenSum(key) != [4]byte(raw[:4]) {
		return "", tiers.ErrToken
	}
	return key, nil
}
