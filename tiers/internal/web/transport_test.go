package web_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modtier/modtier/tiers/internal/web"
)

func TestADeadConnectionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := web.Transport()
		tr.Protocols = new(http.Protocols)
		tr.Protocols.SetUnencryptedHTTP2(true)
		// A server that says hello in HTTP/2 and no word more, not even to a ping.
		tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go io.Copy(io.Discard, far)
			go far.Write([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0}) // SETTINGS, of which there are none
			return near, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", "http://host/", nil)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		resp, err := tr.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
			t.Fatal("got an answer")
		}
		if d := time.Since(start); ctx.Err() != nil || d != 30*time.Second {
			t.Errorf("got error %v after %v, want one of the connection after 30s", err, d)
		}
	})
}

func TestClient(t *testing.T) {
	t.Parallel()
	ours, theirs := errors.New("ours"), errors.New("theirs")
	rule := func(err error) func(*http.Request, []*http.Request) error {
		return func(*http.Request, []*http.Request) error { return err }
	}
	t.Run("has a pool of its own if it is given none", func(t *testing.T) {
		a, b := web.Client(nil, rule(ours)), web.Client(nil, rule(ours))
		if a.Transport == b.Transport || a.Transport == http.DefaultTransport || a.CheckRedirect(nil, nil) != ours {
			t.Errorf("got %+v and %+v", a, b)
		}
	})
	t.Run("is the given one with our rule, which is not changed", func(t *testing.T) {
		given := &http.Client{Timeout: time.Minute}
		if c := web.Client(given, rule(ours)); c.Timeout != time.Minute || c.CheckRedirect(nil, nil) != ours || given.CheckRedirect != nil {
			t.Errorf("got %+v from %+v", c, given)
		}
	})
	t.Run("keeps the rule that it has", func(t *testing.T) {
		if c := web.Client(&http.Client{CheckRedirect: rule(theirs)}, rule(ours)); c.CheckRedirect(nil, nil) != theirs {
			t.Errorf("got %+v", c)
		}
	})
}
