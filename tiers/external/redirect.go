package external

import (
	"fmt"
	"net/http"

	"github.com/modtier/modtier/tiers/internal/web"
)

func checkRedirect(req *http.Request, via []*http.Request) error {
	// To 301, 302 and 303 net/http sends a GET: a save would save nothing, and
	// whatever page answers the GET would say that it went well.
	if req.Method != via[0].Method {
		return fmt.Errorf("a redirect would make a %s of a %s", req.Method, via[0].Method)
	}
	return web.CheckRedirect(req, via)
}
