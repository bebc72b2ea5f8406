package external_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/external"
	"github.com/modtier/modtier/tiers/tierstest"
)

// A touchy store fails the test if anybody comes to it.
type touchy struct{ t *testing.T }

func (s touchy) Open(_ context.Context, r tiers.Ref) (*tiers.Object, error) {
	s.t.Errorf("the store was asked for %s", r)
	return nil, fs.ErrNotExist
}

func (s touchy) Save(_ context.Context, v module.Version, _ tiers.Files) error {
	s.t.Errorf("the store was to save %s", v)
	return nil
}

func (s touchy) Versions(_ context.Context, path string) ([]string, error) {
	s.t.Errorf("the store was asked for the versions of %s", path)
	return nil, nil
}

func (s touchy) Delete(_ context.Context, v module.Version) error {
	s.t.Errorf("the store was to delete %s", v)
	return nil
}

func (s touchy) Catalog(context.Context, string, int) ([]module.Version, string, error) {
	s.t.Error("the store was asked for its catalog")
	return nil, "", nil
}

func TestBadRequestsTouchNothing(t *testing.T) {
	t.Parallel()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	open := serve(t, &external.Handler{Store: touchy{t}, SpoolDir: t.TempDir(), Log: testLog(t)})
	locked := serve(t, &external.Handler{Store: touchy{t}, User: "someone", Pass: "secret", Log: testLog(t)})
	const m = "/example.com/m/@v/"
	for _, tc := range []struct {
		claim, method, url string
		status             int
		says               string
		header             []string
	}{
		{"a path of nothing", "GET", open + "/", 404, "/@v/", nil},
		{"a path that is no module's", "GET", open + "/example.com/m/@latest", 404, "/@v/", nil},
		{"a module path that is none", "GET", open + "/m!/@v/list", 404, "m!", nil},
		{"a module path that climbs", "GET", open + "/%2e%2e/%2e%2e/etc/@v/list", 404, `".."`, nil},
		{"a module path that no file system has", "GET", open + "/example.com/" + strings.Repeat("a", 251) + "/@v/v1.0.0.mod", 404, "longer", nil},
		{"a version that no file system has", "POST", open + m + "v1.0.0-" + strings.Repeat("a", 251) + ".save", 404, "longer", nil},
		{"a version that is a branch", "GET", open + m + "main.info", 404, `"main"`, nil},
		{"a version that climbs", "POST", open + m + "..%2f..%2fx.save", 404, "x", nil},
		{"a version of another major", "DELETE", open + m + "v2.0.0.delete", 404, "v2.0.0", nil},
		{"a file that no version has", "GET", open + m + "v1.0.0.tar", 404, "v1.0.0.tar", nil},
		{"a list that is posted", "POST", open + m + "list", 405, "GET", nil},
		{"a file that is put", "PUT", open + m + "v1.0.0.zip", 405, "GET", nil},
		{"a save that is got", "GET", open + m + "v1.0.0.save", 405, "POST", nil},
		{"a delete that is got", "GET", open + m + "v1.0.0.delete", 405, "DELETE", nil},
		{"a catalog that is posted", "POST", open + "/catalog", 405, "GET", nil},
		{"a catalog of no page size", "GET", open + "/catalog?pagesize=x", 400, `"x"`, nil},
		{"a catalog of pages of none", "GET", open + "/catalog?pagesize=0", 400, `"0"`, nil},
		{"no password", "GET", locked + m + "list", 401, "password", nil},
		{"no password, and a save", "POST", locked + m + "v1.0.0.save", 401, "password", nil},
		{"no password, and a bad path", "GET", locked + "/", 401, "password", nil},
		{"a wrong password", "GET", locked + m + "list", 401, "password", []string{"Authorization", "Basic c29tZW9uZTpndWVzcw=="}},
		{"a password of another user", "GET", locked + m + "list", 401, "password", []string{"Authorization", "Basic YW5vdGhlcjpzZWNyZXQ="}},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			status, h, body := ask(t, tc.method, tc.url, nil, tc.header...)
			if status != tc.status || !strings.Contains(string(body), tc.says) {
				t.Errorf("got %d %q, want %d with %q", status, body, tc.status, tc.says)
			}
			if got := h.Get("Allow"); status == 405 && got != tc.says {
				t.Errorf("Allow: got %q, want %q", got, tc.says)
			}
			if got := h.Get("WWW-Authenticate"); status == 401 && !strings.HasPrefix(got, "Basic ") {
				t.Errorf("WWW-Authenticate: got %q, want Basic", got)
			}
		})
	}
}

// A failing store fails in everything it does.
type failing struct{ err error }

func (s failing) Open(context.Context, tiers.Ref) (*tiers.Object, error)  { return nil, s.err }
func (s failing) Save(context.Context, module.Version, tiers.Files) error { return s.err }
func (s failing) Versions(context.Context, string) ([]string, error)      { return nil, s.err }
func (s failing) Delete(context.Context, module.Version) error            { return s.err }
func (s failing) Catalog(context.Context, string, int) ([]module.Version, string, error) {
	return nil, "", s.err
}

func TestErrorsOfTheStore(t *testing.T) {
	t.Parallel()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	for _, tc := range []struct {
		claim                string
		err                  error
		get, del, save, list int
	}{
		{"an absence is 404, but nowhere else than where one can be", fs.ErrNotExist, 404, 404, 500, 500},
		{"one that the upstream calls gone is 404 too", &tiers.AbsentError{Gone: true}, 404, 404, 500, 500},
		{"an outage is 500", errors.New("the disk broke"), 500, 500, 500, 500},
		{"one of an upstream is 502, whatever it said", &tiers.UpstreamError{Status: 404}, 502, 502, 502, 502},
		{"one that took too long is 504", fmt.Errorf("s3: %w", context.DeadlineExceeded), 504, 504, 504, 504},
		{"a corrupt file is 502, and 400 if it was sent", tiers.ErrCorrupt, 502, 502, 400, 502},
		{"what is too large is 413", tiers.ErrTooLarge, 413, 413, 413, 413},
		{"a token that is none is 400", tiers.ErrToken, 400, 400, 400, 400},
		{"what cannot be done is 501", errors.ErrUnsupported, 501, 501, 501, 501},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			url := serve(t, &external.Handler{Store: failing{tc.err}, SpoolDir: t.TempDir(), Log: testLog(t)})
			const v = "/example.com/m/@v/v1.0.0."
			for _, k := range tierstest.Kinds {
				if status, _, body := ask(t, "GET", url+v+k.String(), nil); status != tc.get || len(body) == 0 {
					t.Errorf("%s: got %d %q, want %d and a text", k, status, body, tc.get)
				}
			}
			if status, _, body := ask(t, "DELETE", url+v+"delete", nil); status != tc.del {
				t.Errorf("delete: got %d %q, want %d", status, body, tc.del)
			}
			body, contentType := form(t, "mod.info", "a", "mod.mod", "b", "mod.zip", "c")
			if status, _, body := ask(t, "POST", url+v+"save", strings.NewReader(body), "Content-Type", contentType); status != tc.save {
				t.Errorf("save: got %d %q, want %d", status, body, tc.save)
			}
			for _, path := range []string{"/example.com/m/@v/list", "/catalog"} {
				if status, _, body := ask(t, "GET", url+path, nil); status != tc.list {
					t.Errorf("%s: got %d %q, want %d", path, status, body, tc.list)
				}
			}
		})
	}
}

// A breaking store has files that break off.
type breaking struct {
	failing
	size int64
}

func (s breaking) Open(context.Context, tiers.Ref) (*tiers.Object, error) {
	body := io.MultiReader(strings.NewReader(strings.Repeat("x", 100_000)), failingReader{})
	return &tiers.Object{Body: io.NopCloser(body), Size: s.size, Tier: "test"}, nil
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("it broke") }

func TestAFileThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{-1, 200_000} {
		url := serve(t, &external.Handler{Store: breaking{size: size}, Log: testLog(t)})
		got, err := tierstest.ReadFile(t.Context(), dial(t, url), tierstest.Ref(azure, tiers.Zip))
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a size of %d: got %d bytes, error %v, want one that is no absence", size, len(got), err)
		}
	}
}

func TestATokenThatIsNoneIsTheCallers(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, &external.Handler{Store: openDisk(t), Log: testLog(t)}))
	if _, _, err := c.Catalog(t.Context(), "nobody gave this", 7); !errors.Is(err, tiers.ErrToken) {
		t.Errorf("got error %v, want tiers.ErrToken", err)
	}
}

func TestAnEmptyListIs200(t *testing.T) {
	t.Parallel()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	url := serve(t, &external.Handler{Store: openDisk(t), Log: testLog(t)})
	if status, _, body := ask(t, "GET", url+"/example.com/m/@v/list", nil); status != 200 || len(body) != 0 {
		t.Errorf("got %d %q, want 200 and nothing", status, body)
	}
	const want = `{"modules":[],"next":""}`
	if status, _, body := ask(t, "GET", url+"/catalog", nil); status != 200 || string(body) != want {
		t.Errorf("catalog: got %d %s, want 200 %s", status, body, want)
	}
}

// A contexts log keeps of each line the context that it was written with.
type contexts struct {
	slog.Handler
	all chan context.Context
}

func (c contexts) Handle(ctx context.Context, _ slog.Record) error {
	c.all <- ctx
	return nil
}

func TestALineIsOfItsRequest(t *testing.T) {
	log := contexts{slog.NewTextHandler(io.Discard, nil), make(chan context.Context, 1)}
	h := &external.Handler{Store: failing{errors.New("out of order")}, Log: slog.New(log)}
	type mark struct{}
	r := httptest.NewRequestWithContext(context.WithValue(t.Context(), mark{}, "its trace"), "GET", "/example.com/m/@v/v1.0.0.mod", nil)
	h.ServeHTTP(httptest.NewRecorder(), r)
	if got := (<-log.all).Value(mark{}); got != "its trace" {
		t.Errorf("the line's context has %v, want what the request's has", got)
	}
}
