package external_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/external"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testLog(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

func openDisk(t *testing.T) *tiers.Disk {
	t.Helper()
	d, err := tiers.OpenDisk(t.TempDir(), tiers.DiskLimits{}, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

// serve starts a server for the time of the test, and returns its URL.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// dial returns a client of a server, with connections of its own.
func dial(t *testing.T, url string) *external.Client {
	tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}
	t.Cleanup(tr.CloseIdleConnections)
	return &external.Client{URL: url, HTTP: &http.Client{Transport: tr}}
}

// A wholeOnly is a client, and beside it the way by which a lone go.mod comes
// into its server's store, so that the claims about those are tested too.
type wholeOnly struct {
	*external.Client
	behind tiers.Store
}

func (s wholeOnly) Save(ctx context.Context, v module.Version, f tiers.Files) error {
	err := s.Client.Save(ctx, v, f)
	if f.Zip == nil && errors.Is(err, tiers.ErrWhole) {
		return s.behind.Save(ctx, v, f)
	}
	return err
}

func TestClientOfOurHandlerIsAStore(t *testing.T) {
	t.Parallel()
	tierstest.TestStore(t, func(t *testing.T) tiers.Store {
		d := openDisk(t)
		url := serve(t, &external.Handler{Store: d, SpoolDir: t.TempDir(), Log: testLog(t)})
		return wholeOnly{dial(t, url), d}
	})
}

func TestClientWithPasswordBelowAPathIsAStore(t *testing.T) {
	t.Parallel()
	tierstest.TestStore(t, func(t *testing.T) tiers.Store {
		if strings.Contains(t.Name(), "/3000_versions") || strings.Contains(t.Name(), "/a_zip_of_100_MB") {
			t.Skip("the plain one shows it")
		}
		d := openDisk(t)
		h := &external.Handler{Store: d, User: "someone", Pass: "p@ss/word", SpoolDir: t.TempDir(), Log: testLog(t)}
		url := serve(t, http.StripPrefix("/deep/er", h))
		return wholeOnly{dial(t, strings.Replace(url, "http://", "http://someone:p%40ss%2Fword@", 1)+"/deep/er/"), d}
	})
}

func TestStackOverClientIsAStore(t *testing.T) {
	t.Parallel()
	tierstest.TestStore(t, func(t *testing.T) tiers.Store {
		if strings.Contains(t.Name(), "/3000_versions") {
			t.Skip("the client alone shows it")
		}
		url := serve(t, &external.Handler{Store: openDisk(t), SpoolDir: t.TempDir(), Log: testLog(t)})
		return tierstest.Stack(t, tiers.Level{Name: "external", Store: dial(t, url)})
	})
}
