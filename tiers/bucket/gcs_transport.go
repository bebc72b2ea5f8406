package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/httptransport"

	"github.com/modtier/modtier/tiers/internal/web"
)

// What the service says is missing. Its library takes both for a missing object.
var (
	errNoKey    = errors.New("no such object")
	errNoBucket = errors.New("no such bucket")
)

// A gcsTransport sends requests with credentials, if there are to be any, and
// tells a missing object from a missing bucket.
type gcsTransport struct {
	base   *http.Transport
	detect func() (*auth.Credentials, error) // nil for requests without credentials

	mu     sync.Mutex // guards what follows, and is held while detect looks around
	creds  *auth.Credentials
	authed http.RoundTripper
}

func (t *gcsTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	rt, err := t.authenticated(req.Context())
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	leaveDate(req.Context(), resp)
	if resp.StatusCode == http.StatusNotFound && req.Method == http.MethodGet {
		if err := whatIsMissing(resp); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// CloseIdleConnections makes it do what [http.Client.CloseIdleConnections] is for.
func (t *gcsTransport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// authenticated returns what sends requests with a token that is still good.
func (t *gcsTransport) authenticated(ctx context.Context) (http.RoundTripper, error) {
	if t.detect == nil {
		return t.base, nil
	}
	creds, rt, err := t.credentials()
	if err == nil {
		_, err = creds.Token(ctx) // which it keeps, for rt to use
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &credentialsError{web.OneLine(web.Scrub(err).Error())}
	}
	return rt, nil
}

// credentials finds the credentials when they are first needed, and again after a
// failure: what gives them may not be up yet when we start.
func (t *gcsTransport) credentials() (*auth.Credentials, http.RoundTripper, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.creds == nil {
		creds, err := t.detect()
		if err != nil {
			return nil, nil, err
		}
		c := &http.Client{Transport: t.base}
		if err := httptransport.AddAuthorizationMiddleware(c, creds); err != nil {
			return nil, nil, err
		}
		t.creds, t.authed = creds, c.Transport
	}
	return t.creds, t.authed, nil
}

// whatIsMissing reads the error of an answer in XML, which is what a read gets. It
// returns nil for an answer that does not say what is missing, to be read again.
func whatIsMissing(resp *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorText))
	switch {
	case err == nil && bytes.Contains(b, []byte("<Code>NoSuchKey</Code>")):
		resp.Body.Close()
		return errNoKey
	case err == nil && bytes.Contains(b, []byte("<Code>NoSuchBucket</Code>")):
		resp.Body.Close()
		return errNoBucket
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(b), resp.Body), resp.Body}
	return nil
}

const maxErrorText = 4 << 10

// detectOptions are how credentials get their tokens.
func detectOptions(timeout time.Duration) *credentials.DetectOptions {
	return &credentials.DetectOptions{
		Scopes: []string{"https://www.googleapis.com/auth/devstorage.read_write"},
		Client: &http.Client{Transport: transport(timeout), Timeout: timeout, CheckRedirect: noRedirects},
		Logger: slog.New(slog.DiscardHandler), // it would log tokens
	}
}
