package upstream_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/upstream"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ goproxy, want string }{
		{"https://a.example", "https://a.example"},
		{"a.example", "https://a.example"},
		{"a.example/x/y/", "https://a.example/x/y/"},
		{"a.example:8080", "https://a.example:8080"},
		{"localhost:3000", "https://localhost:3000"},
		{" https://a.example ,\thttp://b.example|", "https://a.example,http://b.example"},
		{",|,https://a.example,,|b.example|c.example", "https://a.example,https://b.example|https://c.example"},
		{"https://a.example|direct", "https://a.example|direct"},
		{"direct,https://a.example", "direct"},
		{"off|https://a.example", "off"},
		{"https://a.example,off,:bad:", "https://a.example,off"},
		{"https://user:secret@a.example/x", "https://a.example/x"},
		{"secret@a.example", "https://a.example"},
		{"https://a.example?key=secret", "https://a.example"},
		{"file:///srv/proxy", "file:///srv/proxy"},
	} {
		l, err := upstream.Parse(tc.goproxy)
		if err != nil {
			t.Errorf("Parse(%q): %v", tc.goproxy, err)
		} else if got := l.String(); got != tc.want {
			t.Errorf("Parse(%q): got %s, want %s", tc.goproxy, got, tc.want)
		} else if want := strings.Contains(tc.want, "direct"); l.HasDirect() != want {
			t.Errorf("Parse(%q).HasDirect(): got %t, want %t", tc.goproxy, l.HasDirect(), want)
		}
	}
	for _, tc := range []struct{ goproxy, want string }{
		{"", "no entries"},
		{" ", "no entries"},
		{",|, ", "no entries"},
		{"noproxy", "noproxy: the URL has no scheme"},
		{"/srv/proxy", "/srv/proxy: the URL has no scheme"},
		{"https://", "https://: the URL has no host"},
		{"http://:3000/go", "http://:3000/go: the URL has no host"},
		{"ftp://a.example", "ftp://a.example: the scheme must be"},
		{"https://a.example,ftp://user:secret@b.example", "ftp://b.example: the scheme must be"},
		{"ftp://a.example?key=secret", "ftp://a.example: the scheme must be"},
		{"https://user:sec%zzret@a.example", "https://a.example: not a URL"},
		{"https://user:sec/ret@a.example", "https://a.example: not a URL"},
		{"user:sec ret@a.example:x", "a.example:x: not a URL"},
		{"file://host/srv", "file://host/srv: a file URL"},
		{"file://user:secret@/srv", "file:///srv: a file URL"},
		{"file:srv", "file:srv: "},
	} {
		_, err := upstream.Parse(tc.goproxy)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Parse(%q): got %v, want %q", tc.goproxy, err, tc.want)
		} else if strings.Contains(err.Error(), "sec") || strings.Contains(err.Error(), "ret@") {
			t.Errorf("Parse(%q): %v tells the password", tc.goproxy, err)
		}
	}
}

// statuses are those that proxies answer, and whether they are passing ones.
var statuses = map[int]bool{
	204: false, 206: false, 304: false, 400: false, 401: false, 403: false, 404: false, 406: false, 410: false,
	418: false, 429: true, 451: false, 500: true, 501: false, 502: true, 503: true, 504: true, 505: false, 508: false,
}

// notAgain is the header of an answer that stands at once.
var notAgain = []string{"Retry-After", "3600"}

func TestWalk(t *testing.T) {
	t.Parallel()
	for status := range statuses {
		absent := status == 404 || status == 410
		t.Run(fmt.Sprintf("%d before a comma", status), func(t *testing.T) {
			t.Parallel()
			a, b := serve(t, answers(status, "said a", notAgain...)), serve(t, answers(200, "b"))
			got, err := read(t, list(t, a.URL+","+b.URL), zipRef)
			if absent {
				if string(got) != "b" {
					t.Errorf("got %q, error %v; want the second's", got, err)
				}
				return
			}
			if u := upstreamError(t, err); u.Status != status || u.Upstream != a.Listener.Addr().String() || b.asked() > 0 {
				t.Errorf("got %v and asked the second %d times; want the first's error", err, b.asked())
			}
		})
		t.Run(fmt.Sprintf("%d before a pipe", status), func(t *testing.T) {
			t.Parallel()
			a, b := serve(t, answers(status, "said a", notAgain...)), serve(t, answers(200, "b"))
			if got, err := read(t, list(t, a.URL+"|"+b.URL), zipRef); string(got) != "b" {
				t.Errorf("got %q, error %v; want the second's", got, err)
			}
		})
		t.Run(fmt.Sprintf("%d before a pipe and an absence", status), func(t *testing.T) {
			t.Parallel()
			a, b := serve(t, answers(status, "said a", notAgain...)), serve(t, answers(404, "said b"))
			_, err := read(t, list(t, a.URL+"|"+b.URL), zipRef)
			if absent {
				if err.Error() != "said b" || !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("got %v, want the second's", err)
				}
			} else if u := upstreamError(t, err); u.Status != status {
				t.Errorf("got %v, want the outage", err)
			}
		})
	}
	t.Run("the last absence says whether it is gone", func(t *testing.T) {
		t.Parallel()
		for _, tc := range []struct {
			first, last int
			gone        bool
		}{{404, 410, true}, {410, 404, false}} {
			a, b := serve(t, answers(tc.first, "said a")), serve(t, answers(tc.last, "said b"))
			_, err := read(t, list(t, a.URL+","+b.URL), zipRef)
			e, ok := errors.AsType[*tiers.AbsentError](err)
			if !ok || e.Gone != tc.gone || e.Text != "said b" {
				t.Errorf("%d, %d: got %#v", tc.first, tc.last, err)
			}
		}
	})
	t.Run("an outage after an absence is no absence", func(t *testing.T) {
		t.Parallel()
		a, b := serve(t, answers(404, "")), serve(t, answers(403, ""))
		_, err := read(t, list(t, a.URL+","+b.URL+",direct"), zipRef)
		if u := upstreamError(t, err); u.Status != 403 {
			t.Errorf("got %v, want the second's", err)
		}
	})
	t.Run("a proxy that is not there is an outage", func(t *testing.T) {
		t.Parallel()
		a, b := serve(t, answers(200, "")), serve(t, answers(200, "b"))
		a.Close()
		_, err := read(t, list(t, a.URL+","+b.URL), zipRef)
		if u := upstreamError(t, err); u.Status != 0 || u.Err == nil {
			t.Errorf("got %#v", u)
		}
		if got, err := read(t, list(t, a.URL+"|"+b.URL), zipRef); string(got) != "b" {
			t.Errorf("got %q, error %v; want the second's", got, err)
		}
	})
	t.Run("every question walks", func(t *testing.T) {
		t.Parallel()
		a := serve(t, answers(404, ""))
		b := serve(t, answers(200, `{"Version":"v1.0.0"}`))
		l := list(t, a.URL+","+b.URL)
		if _, err := l.Versions(t.Context(), "example.com/m"); err != nil {
			t.Error(err)
		}
		if _, err := l.Latest(t.Context(), "example.com/m"); err != nil {
			t.Error(err)
		}
		if _, err := l.Query(t.Context(), "example.com/m", "main"); err != nil {
			t.Error(err)
		}
	})
}

func TestWords(t *testing.T) {
	t.Parallel()
	gone := serve(t, answers(410, "said gone"))
	out := serve(t, answers(403, "said out"))
	for _, tc := range []struct {
		goproxy string
		absent  bool
		want    string
	}{
		{"off", true, "module lookup disabled by GOPROXY=off"},
		{gone.URL + ",off", true, "said gone"},
		{gone.URL + "|off", true, "said gone"},
		{out.URL + "|off", false, "said out"},
		{gone.URL + ",direct", true, "said gone"},
		{gone.URL + "|direct", true, "said gone"},
		{out.URL + "|direct", false, "said out"},
		{out.URL + "|" + gone.URL + ",direct", false, "said out"},
		{out.URL + ",direct", false, "said out"},
	} {
		_, err := list(t, tc.goproxy).Open(t.Context(), zipRef)
		if err == nil || !strings.Contains(err.Error(), tc.want) || errors.Is(err, fs.ErrNotExist) != tc.absent || errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %v, want %q, absent %t", tc.goproxy, err, tc.want, tc.absent)
		}
	}
	_, err := list(t, "direct,"+gone.URL).Open(t.Context(), zipRef)
	upstreamError(t, err)
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "direct") {
		t.Errorf("direct: got %v, want errors.ErrUnsupported", err)
	}
}
