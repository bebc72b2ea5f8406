package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// The largest answers that are taken, in bytes. The go command takes go.mod
// files and zips up to limits of its own, which are no larger
// (https://go.dev/ref/mod#zip-path-size-constraints).
const (
	maxSmall = 16 << 20 // an info or a go.mod
	maxList  = 16 << 20
	maxZip   = 4 << 30
)

// Open opens the file that r names.
func (c *Client) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	a, err := c.openFile(ctx, r)
	if err == fs.ErrNotExist {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("external: open %s: %w", r, err)
	}
	o := &tiers.Object{Body: a, Size: a.ContentLength, Tier: "external"}
	if t, err := http.ParseTime(a.Header.Get("Last-Modified")); err == nil {
		o.ModTime = t
	}
	return o, nil
}

func (c *Client) openFile(ctx context.Context, r tiers.Ref) (*answer, error) {
	path, err := versionPath(r.Module(), r.Kind.String())
	if err != nil {
		return nil, err
	}
	limit := int64(maxSmall)
	if r.Kind == tiers.Zip {
		limit = maxZip
	}
	a, err := c.get(ctx, path, limit)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		a.Close()
		return nil, errors.New("the answer is a web page, such as one to log in at")
	}
	// Athens' server announces a length of 0 for a zip whose size its storage
	// does not know, and then sends none of it; and from half of a version it
	// reads an empty go.mod. No file of a module is empty.
	if a.ContentLength == 0 {
		a.Close()
		return nil, fmt.Errorf("the answer is empty: %w", tiers.ErrCorrupt)
	}
	return a, nil
}

// has reports whether the server has v. It asks for the info, the mark of a whole
// version. Whatever else comes with a 200, such as a page to log in at, is none.
func (c *Client) has(ctx context.Context, v module.Version) (bool, error) {
	path, err := versionPath(v, tiers.Info.String())
	if err != nil {
		return false, err
	}
	b, err := c.getAll(ctx, path, maxSmall)
	switch {
	case err == fs.ErrNotExist, errors.Is(err, errLong):
		return false, nil
	case err != nil:
		return false, err
	}
	var info struct{ Version string }
	return json.Unmarshal(b, &info) == nil && info.Version == v.Version, nil
}
