package web_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/modtier/modtier/tiers/internal/web"
)

func TestCleanAndOneLine(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ claim, said, clean, line string }{
		{"lines", " not found:\n\tunknown\r\n", "not found:\n\tunknown", "not found: unknown"},
		{"what controls a terminal", "a\x1b[31mb\x00\x7fc\u202e\u0085d", "a[31mbcd", "a [31mb c d"},
		{"what is no UTF-8", "a\xffb\xc3", "ab", "ab"},
		{"credentials", "asked https://me:secret@db/x and http://x:y@z", "asked https://db/x and http://z", "asked https://db/x and http://z"},
		{"a password with an at sign", "at ftp://me:s@cret@db", "at ftp://db", "at ftp://db"},
		{"what is none", "a@b https://db/x@v1?y@z", "a@b https://db/x@v1?y@z", "a@b https://db/x@v1?y@z"},
		{"what is long", strings.Repeat("ä", 200), strings.Repeat("ä", 200), strings.Repeat("ä", 150) + "..."},
		{"half a character at its end", "x" + strings.Repeat("ä", 200), "x" + strings.Repeat("ä", 200), "x" + strings.Repeat("ä", 149) + "..."},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			if got := web.Clean(tc.said); got != tc.clean {
				t.Errorf("Clean: got %q, want %q", got, tc.clean)
			}
			if got := web.OneLine(tc.said); got != tc.line {
				t.Errorf("OneLine: got %q, want %q", got, tc.line)
			}
		})
	}
}

func TestSaidIsBounded(t *testing.T) {
	t.Parallel()
	body := strings.NewReader(strings.Repeat("x", 1<<20))
	if got := web.Said(body); got != strings.Repeat("x", 1<<10) || body.Len() != 1<<20-17<<10 {
		t.Errorf("got %d bytes, and %d are not read", len(got), body.Len())
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	missing := &fs.PathError{Op: "open", Path: "cert.pem", Err: fs.ErrNotExist}
	held := &fs.PathError{Op: "open", Path: "cert.pem", Err: fs.ErrExist}
	for _, tc := range []struct {
		claim string
		err   error
		want  string
		same  bool // it is what it was below
	}{
		{"the URL goes", &url.Error{Op: "Get", URL: "https://host/?key", Err: os.ErrDeadlineExceeded}, os.ErrDeadlineExceeded.Error(), true},
		{"others stay", os.ErrDeadlineExceeded, os.ErrDeadlineExceeded.Error(), true},
		{"credentials go", errors.New("proxy http://me:secret@host is down"), "proxy http://host is down", false},
		{"a missing file is no absence", &url.Error{Err: missing}, missing.Error(), false},
		{"nor is another one a presence", held, held.Error(), false},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			got := web.Scrub(tc.err)
			if got.Error() != tc.want || errors.Is(got, os.ErrDeadlineExceeded) != tc.same {
				t.Errorf("got error %v, want %q", got, tc.want)
			}
			if errors.Is(got, fs.ErrNotExist) || errors.Is(got, fs.ErrExist) {
				t.Errorf("%v says what is there", got)
			}
		})
	}
	t.Run("a Location that is no URL loses its secrets", func(t *testing.T) {
		for _, to := range []string{"https://host/%zz?sig=secret", "https://me:secret@[/", "https://host:x/?sig=secret&u=https://secret@host"} {
			_, err := (&http.Client{Transport: redirects(to)}).Get("http://host/?secret")
			if err == nil {
				t.Fatal("got no error")
			}
			got := web.Scrub(err).Error()
			if strings.Contains(got, "secret") || !strings.Contains(got, "Location") {
				t.Errorf("%s: got error %s", to, got)
			}
		}
	})
}

// redirects answers everything with a redirect.
type redirects string

func (to redirects) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {string(to)}}, Body: http.NoBody}, nil
}
