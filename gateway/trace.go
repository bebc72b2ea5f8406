package gateway

import (
	"context"
	"net/http"
)

// A Trace is called before each request. The context becomes the request's, and is
// made of its own; the func is called once the request is over, and returns the name
// of the trace that it is recorded in, or "".
type Trace func(r *http.Request) (context.Context, func(Request) (traceID string))
