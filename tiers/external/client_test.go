package external_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/external"
	"github.com/modtier/modtier/tiers/tierstest"
)

// says is a server that answers everything alike.
func says(status int, text string, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	})
}

// all does everything that a store can be asked for, and returns the errors.
func all(t *testing.T, s tiers.Store) map[string]error {
	errs := make(map[string]error)
	for _, k := range tierstest.Kinds {
		_, errs["open "+k.String()] = tierstest.ReadFile(t.Context(), s, tierstest.Ref(azure, k))
	}
	errs["save"] = s.Save(t.Context(), azure, tierstest.Version(azure, "a"))
	_, errs["versions"] = s.Versions(t.Context(), azure.Path)
	errs["delete"] = s.Delete(t.Context(), azure)
	_, _, errs["catalog"] = s.Catalog(t.Context(), "", 7)
	return errs
}

func TestOnly404IsAnAbsence(t *testing.T) {
	t.Parallel()
	for _, status := range []int{201, 204, 206, 302, 304, 400, 401, 403, 410, 418, 429, 500, 502, 503, 504} {
		for what, err := range all(t, dial(t, serve(t, says(status, "")))) {
			var e *external.StatusError
			if !errors.As(err, &e) || e.Status != status || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%d: %s: got error %v, want a StatusError", status, what, err)
			}
		}
	}
	for what, err := range all(t, dial(t, serve(t, says(404, "")))) {
		var want bool
		switch what {
		case "versions":
			want = err == nil
		case "save":
			var e *external.StatusError
			want = errors.As(err, &e) && !errors.Is(err, fs.ErrNotExist)
		case "catalog":
			want = errors.Is(err, errors.ErrUnsupported)
		default:
			want = err == fs.ErrNotExist // bare: it is the way of every miss
		}
		if !want {
			t.Errorf("404: %s: got error %v", what, err)
		}
	}
}

func TestNoServerIsNoAbsence(t *testing.T) {
	t.Parallel()
	c := dial(t, "http://127.0.0.1:1")
	for what, err := range all(t, c) {
		if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got error %v", what, err)
		}
	}
}

func TestErrorsQuoteTheServerInPart(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ claim, text, want string }{
		{"as far as it is text", "no\x1b[31m\r\n\xffway\n", "no[31m\nway"},
		{"1 KiB of it", strings.Repeat("x", 5000), strings.Repeat("x", 1024)},
		{"without the passwords of its own", "asked https://me:secret@db/x", "asked https://db/x"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			_, err := dial(t, serve(t, says(500, tc.text))).Versions(t.Context(), "example.com/m")
			want := "external: versions of example.com/m: the server answered 500: " + tc.want
			if err == nil || err.Error() != want {
				t.Errorf("got error %q, want %q", err, want)
			}
		})
	}
}

func TestErrorsHaveNoCredentials(t *testing.T) {
	t.Parallel()
	const user, pass = "someone", "p4ssw0rd"
	elsewhere := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); ok || r.Header.Get("Referer") != "" {
			t.Errorf("got headers %v at another host", r.Header)
		}
		http.Error(w, "no", 500)
	}))
	redirect := func(to string) string { return serve(t, says(307, "", "Location", to)) }
	for claim, url := range map[string]string{
		"a server that says no":         serve(t, says(500, "")),
		"a server that is not there":    "http://127.0.0.1:1",
		"a host that has no address":    "http://nowhere.invalid",
		"a redirect to another host":    redirect(elsewhere + "/x?signature=p4ssw0rd"),
		"a redirect that goes nowhere":  redirect("http://someone:p4ssw0rd@127.0.0.1:1/?p4ssw0rd"),
		"a redirect that is no URL":     redirect("http://someone:p4ssw0rd@[/"),
		"a URL of another scheme":       "ftp://host",
		"a URL without a host":          "http:///x",
		"a URL with a query":            "http://host/?token=p4ssw0rd",
		"a URL that cannot be parsed":   "http://host:port",
		"a URL with a slash in between": "http://some/one:p4ssw0rd@host",
	} {
		url = strings.Replace(url, "://", "://"+user+":"+pass+"@", 1)
		for what, err := range all(t, dial(t, url)) {
			if err == nil {
				t.Errorf("%s: %s: got no error", claim, what)
			} else if s := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(s, pass) || strings.Contains(s, user) {
				t.Errorf("%s: %s: got error %s", claim, what, s)
			}
		}
	}
}

func TestURLsThatCannotBeUsedSayWhy(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                      "http://",
		"host:3000":             "http://",
		"ftp://host":            "http://",
		"http:///x":             "no host",
		"http://host/?token=x":  "more than a path",
		"http://host/?":         "more than a path",
		"http://host/#fragment": "more than a path",
		"http://host:port":      "cannot be parsed",
	} {
		for what, err := range all(t, dial(t, url)) {
			if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q: %s: got error %v, want one with %q", url, what, err, want)
			}
		}
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	d := openDisk(t)
	to := serve(t, &external.Handler{Store: d, SpoolDir: t.TempDir(), Log: testLog(t)})
	from := func(status int) *external.Client {
		return dial(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, to+r.URL.EscapedPath(), status)
		})))
	}
	f := tierstest.Version(azure, "a")
	t.Run("that make a GET of a save or a delete are refused", func(t *testing.T) {
		for _, status := range []int{301, 302, 303} {
			if err := from(status).Save(t.Context(), azure, f); err == nil || !strings.Contains(err.Error(), "would make a GET") {
				t.Errorf("%d: save: got error %v", status, err)
			}
			if err := from(status).Delete(t.Context(), azure); err == nil || !strings.Contains(err.Error(), "would make a GET") {
				t.Errorf("%d: delete: got error %v", status, err)
			}
		}
		tierstest.Lacks(t, d, azure)
	})
	t.Run("that keep a save are followed with all of it", func(t *testing.T) {
		if err := from(307).Save(t.Context(), azure, f); err != nil {
			t.Error(err)
		}
		tierstest.Holds(t, d, azure, f)
	})
	t.Run("of a file are followed", func(t *testing.T) {
		tierstest.Holds(t, from(302), azure, f)
		tierstest.Lists(t, from(301), azure.Path, azure.Version)
	})
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	t.Run("a page instead of an info does not keep a save from being sent", func(t *testing.T) {
		s := newStock()
		for _, page := range []string{"<html>log in</html>", `{"Version":"v9.9.9"}`, "", "null"} {
			c := dial(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == "GET" {
					io.WriteString(w, page)
				} else {
					s.ServeHTTP(w, r)
				}
			})))
			before := s.saves
			if err := c.Save(t.Context(), azure, tierstest.Version(azure, "a")); err != nil || s.saves != before+1 {
				t.Errorf("%q: got error %v and %d saves, want 1", page, err, s.saves-before)
			}
		}
	})
	t.Run("an empty file is corrupt", func(t *testing.T) {
		c := dial(t, serve(t, says(200, "")))
		for _, k := range tierstest.Kinds {
			if _, err := c.Open(t.Context(), tierstest.Ref(azure, k)); !errors.Is(err, tiers.ErrCorrupt) {
				t.Errorf("%s: got error %v, want tiers.ErrCorrupt", k, err)
			}
		}
	})
	t.Run("an encoded file is refused", func(t *testing.T) {
		c := dial(t, serve(t, says(200, "x", "Content-Encoding", "gzip")))
		if _, err := c.Open(t.Context(), tierstest.Ref(azure, tiers.Mod)); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got error %v", err)
		}
	})
	t.Run("a go.mod or a list without end is broken off", func(t *testing.T) {
		c := dial(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, strings.Repeat("x", 32<<10))
			}
		})))
		if b, err := tierstest.ReadFile(t.Context(), c, tierstest.Ref(azure, tiers.Mod)); err == nil || len(b) > 16<<20 {
			t.Errorf("go.mod: got %d bytes, error %v", len(b), err)
		}
		if vs, err := c.Versions(t.Context(), "example.com/m"); err == nil {
			t.Errorf("versions: got %d, want an error", len(vs))
		}
	})
	t.Run("lines that are no versions are left out", func(t *testing.T) {
		c := dial(t, serve(t, says(200, "v1.0.0\r\n\nmain\nv2.0.0\n  v1.1.0 \nv1\n<br>\n../v1.0.0\nv2.0.0+incompatible")))
		tierstest.Lists(t, c, "example.com/m", "v1.0.0", "v1.1.0", "v2.0.0+incompatible")
	})
	t.Run("a catalog that does not end or is too long is an error", func(t *testing.T) {
		for _, body := range []string{
			`{"modules":[{"module":"example.com/m","version":"v1.0.0"}],"next":"here"}`,
			`{"modules":[{"module":"a","version":"b"},{"module":"a","version":"b"}],"next":""}`,
			`<html>`,
		} {
			if vs, _, err := dial(t, serve(t, says(200, body))).Catalog(t.Context(), "here", 1); err == nil {
				t.Errorf("%s: got %v", body, vs)
			}
		}
	})
}
