package peer

import (
	"context"
	"net/http"

	"github.com/modtier/modtier/tiers"
)

// Request returns the request that c would send to the instance at base.
func (c *Client) Request(ctx context.Context, base string, r tiers.Ref) *http.Request {
	path, err := pathOf(r)
	if err != nil {
		panic(err)
	}
	req, _, err := c.request(ctx, base, path)
	if err != nil {
		panic(err)
	}
	return req
}
