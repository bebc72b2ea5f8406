package bucket

import (
	"net/http"
	"time"

	"github.com/modtier/modtier/tiers/internal/web"
)

// attempts is how often a request is made if the service is busy or out of reach.
const attempts = 3

// transport returns one with limits on all that it waits for. A body is not
// limited: the engine watches that it moves.
func transport(timeout time.Duration) *http.Transport {
	t := web.Transport()
	t.ResponseHeaderTimeout = timeout
	t.ExpectContinueTimeout = time.Second
	return t
}

// noRedirects makes a redirect an answer like any other. Google and Azure send
// none, and credentials are for nobody else.
func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// A credentialsError says why there are no credentials, without them. It wraps
// nothing: that a file with credentials is missing is no absence of an object.
type credentialsError struct{ text string }

func (e *credentialsError) Error() string { return e.text }
