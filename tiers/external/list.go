package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/internal/web"
)

// Versions lists what the server lists, less lines that are no versions of path.
func (c *Client) Versions(ctx context.Context, path string) ([]string, error) {
	dir, err := modulePath(path)
	if err == nil {
		var vs []string
		vs, err = c.list(ctx, dir, path)
		// Athens' server looks for a list under the name as it was sent, though
		// it saves under the decoded one.
		if raw := "/" + path + "/@v/"; err == nil && len(vs) == 0 && raw != dir {
			vs, err = c.list(ctx, raw, path)
			if e, ok := errors.AsType[*StatusError](err); ok && e.Status < 500 {
				err = nil // a server that takes escaped names only has answered before
			}
		}
		if err == nil {
			return vs, nil
		}
	}
	return nil, fmt.Errorf("external: versions of %s: %w", path, err)
}

func (c *Client) list(ctx context.Context, dir, path string) (vs []string, err error) {
	b, err := c.getAll(ctx, dir+"list", maxList)
	if err == fs.ErrNotExist {
		return nil, nil // not what the protocol says, and plain enough
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		v := strings.TrimSpace(line)
		if tiers.Canonical(module.Version{Path: path, Version: v}) {
			vs = append(vs, v)
		}
	}
	return vs, nil
}

// Delete removes v.
func (c *Client) Delete(ctx context.Context, v module.Version) error {
	err := c.delete(ctx, v)
	if err != nil && err != fs.ErrNotExist {
		err = fmt.Errorf("external: delete %s: %w", v, err)
	}
	return err
}

func (c *Client) delete(ctx context.Context, v module.Version) error {
	path, err := versionPath(v, "delete")
	if err != nil {
		return err
	}
	req, err := c.request(ctx, http.MethodDelete, path, nil)
	if err != nil {
		return err
	}
	a, err := c.ask(req, web.Over(ctx, c.timeout()))
	if err != nil {
		return err
	}
	return a.Close()
}

// maxPage is the largest page of a catalog that is asked for or answered.
const maxPage = 10_000

// A page is one of a catalog, in Athens' JSON.
type page struct {
	Modules []entry `json:"modules"`
	Next    string  `json:"next"`
}

type entry struct {
	Module  string `json:"module"`
	Version string `json:"version"`
}

// Catalog lists a page of the server's catalog. The protocol has none; if the
// server has none either, the error matches [errors.ErrUnsupported].
func (c *Client) Catalog(ctx context.Context, token string, n int) (vs []module.Version, next string, err error) {
	p, err := c.page(ctx, token, n)
	if err != nil {
		return nil, "", fmt.Errorf("external: catalog: %w", err)
	}
	for _, m := range p.Modules {
		if v := (module.Version{Path: m.Module, Version: m.Version}); tiers.Canonical(v) {
			vs = append(vs, v)
		}
	}
	return vs, p.Next, nil
}

func (c *Client) page(ctx context.Context, token string, n int) (p page, err error) {
	if n < 1 {
		return p, fmt.Errorf("a page of %d versions", n)
	}
	n = min(n, maxPage)
	b, err := c.getAll(ctx, "/catalog?token="+url.QueryEscape(token)+"&pagesize="+strconv.Itoa(n), maxList)
	e, ok := errors.AsType[*StatusError](err)
	switch {
	case err == fs.ErrNotExist, ok && (e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented):
		return p, fmt.Errorf("the server has none: %w", errors.ErrUnsupported)
	case ok && e.Status == http.StatusBadRequest && token != "": // for the rest of the question is right
		return p, fmt.Errorf("%w: %w", tiers.ErrToken, err)
	case err != nil:
		return p, err
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return p, fmt.Errorf("the answer: %w", err)
	}
	switch {
	case len(p.Modules) > n:
		return p, fmt.Errorf("got %d versions on a page of %d", len(p.Modules), n)
	case p.Next != "" && p.Next == token:
		return p, errors.New("the next page is this one") // it would never end
	}
	return p, nil
}
