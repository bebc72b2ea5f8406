package upstream_test

import (
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/upstream"
)

// database answers for sum.example.com below prefix, each path with who.
func database(who, prefix string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.Path, prefix)
		if !ok {
			answers(404, "no database")(w, r)
			return
		}
		answers(200, who+path)(w, r)
	}
}

func TestSumDB(t *testing.T) {
	t.Parallel()
	const name, below = "sum.example.com", "/sumdb/sum.example.com"
	ask := func(l *upstream.List, path string) (string, error) {
		b, err := l.SumDB(t.Context(), name, path)
		return string(b), err
	}
	t.Run("the first proxy that supports it is asked", func(t *testing.T) {
		t.Parallel()
		a, b, c := serve(t, answers(404, "")), serve(t, database("b", below)), serve(t, database("c", below))
		db := serve(t, database("db", ""))
		l := list(t, a.URL+","+b.URL+","+c.URL)
		l.SumDBs = []string{name + "+12345678+key " + db.URL}
		for _, path := range []string{"latest", "lookup/example.com/!mod@v1.0.0", "tile/8/0/x001/234.p/5"} {
			if got, err := ask(l, path); got != "b/"+path {
				t.Errorf("%s: got %q, error %v", path, got, err)
			}
		}
		if got := []int{a.asked(), b.asked(), c.asked(), db.asked()}; !slices.Equal(got, []int{1, 4, 0, 0}) {
			t.Errorf("asked %v times, want the finding remembered", got)
		}
	})
	t.Run("if none does, the database is", func(t *testing.T) {
		t.Parallel()
		for _, end := range []string{"", ",direct", ",off"} {
			a, b := serve(t, answers(404, "")), serve(t, answers(410, ""))
			db := serve(t, database("db", "/base"))
			l := list(t, a.URL+"|"+b.URL+end)
			l.SumDBs = []string{"other.example.com", name + " " + db.URL + "/base/"}
			for range 2 {
				if got, err := ask(l, "latest"); got != "db/latest" {
					t.Errorf("got %q, error %v", got, err)
				}
			}
			if got := []int{a.asked(), b.asked(), db.asked()}; !slices.Equal(got, []int{1, 1, 2}) {
				t.Errorf("asked %v times, want the finding remembered", got)
			}
		}
	})
	t.Run("without a proxy the database is", func(t *testing.T) {
		t.Parallel()
		for _, goproxy := range []string{"direct", "off", "file:///nowhere"} {
			db := serveTLS(t, database("db", ""))
			l := list(t, goproxy)
			l.SumDBs = []string{name}
			towards(l, db)
			if got, err := ask(l, "latest"); got != "db/latest" {
				t.Errorf("%s: got %q, error %v", goproxy, got, err)
			}
		}
	})
	t.Run("an outage of a proxy is no finding", func(t *testing.T) {
		t.Parallel()
		a, b := serve(t, answers(403, ""), answers(404, "")), serve(t, answers(404, ""))
		db := serve(t, database("db", ""))
		l := list(t, a.URL+"|"+b.URL)
		l.SumDBs = []string{name + " " + db.URL}
		if _, err := ask(l, "latest"); upstreamError(t, err).Status != 403 || db.asked() > 0 {
			t.Errorf("got %v and asked the database %d times", err, db.asked())
		}
		if got, err := ask(l, "latest"); got != "db/latest" {
			t.Errorf("after it: got %q, error %v", got, err)
		}
	})
	t.Run("what the proxy has not, nobody else is asked for", func(t *testing.T) {
		t.Parallel()
		a := serve(t, answers(200, ""), answers(404, "said a"))
		db := serve(t, database("db", ""))
		l := list(t, a.URL)
		l.SumDBs = []string{name + " " + db.URL}
		if _, err := ask(l, "lookup/example.com/m@v1.0.0"); !errors.Is(err, fs.ErrNotExist) || err.Error() != "said a" || db.asked() > 0 {
			t.Errorf("got %v and asked the database %d times", err, db.asked())
		}
	})
	t.Run("another database is absent, and so is a path that leads out", func(t *testing.T) {
		t.Parallel()
		a := serve(t, answers(200, "x"))
		l := list(t, a.URL)
		l.SumDBs = []string{"other.example.com"}
		for _, tc := range [][2]string{{name, "latest"}, {"other.example.com", "../../example.com/m/@v/list"}, {"other.example.com", ""}} {
			_, err := l.SumDB(t.Context(), tc[0], tc[1])
			if _, ok := errors.AsType[*tiers.AbsentError](err); !ok {
				t.Errorf("%s %s: got %v", tc[0], tc[1], err)
			}
		}
		if n := a.asked(); n > 0 {
			t.Errorf("asked %d times", n)
		}
	})
	t.Run("an answer has 1 MiB", func(t *testing.T) {
		t.Parallel()
		a := serve(t, answers(200, ""), answers(200, strings.Repeat("x", 1<<20)), answers(200, strings.Repeat("x", 1<<20+1)))
		l := list(t, a.URL)
		l.SumDBs = []string{name}
		if _, err := ask(l, "latest"); err != nil {
			t.Error(err)
		}
		_, err := ask(l, "latest")
		upstreamError(t, err)
	})
}

func TestSumDBNames(t *testing.T) {
	t.Parallel()
	got, err := upstream.SumDBNames([]string{
		"sum.example.com", "sum.example.com+12345678+Ab/+c= https://mirror.example/x", "https://sum.example.com/db/", "sum.example.com/db",
	})
	want := []string{"sum.example.com", "sum.example.com", "sum.example.com/db", "sum.example.com/db"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, error %v; want %q", got, err, want)
	}
	for _, bad := range []string{"", "a.example b c", "sum.example.com ftp://b.example", "a.example/../b", "a.example/", "user:secret@a.example", "a.example?secret", "file:///srv", "a.example file:///srv", "a.example https:///x"} {
		if got, err := upstream.SumDBNames([]string{bad}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %q, error %v", bad, got, err)
		}
	}
}
