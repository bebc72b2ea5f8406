package upstream_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
)

// A repository has an answer to every question, and knows what it was asked.
type repository struct {
	err   error // the answer, if it is not nil
	asked []string
}

func (r *repository) answer(question string) ([]byte, error) {
	r.asked = append(r.asked, question)
	return []byte(`{"Version":"v1.0.0"}`), r.err
}

func (r *repository) Open(_ context.Context, ref tiers.Ref) (*tiers.Object, error) {
	b, err := r.answer(ref.Kind.String())
	if err != nil {
		return nil, err
	}
	return tiers.NewObject(b, time.Time{}, "upstream"), nil
}

func (r *repository) Versions(context.Context, string) ([]string, error) {
	_, err := r.answer("list")
	return []string{"v1.0.0"}, err
}
func (r *repository) Latest(context.Context, string) ([]byte, error)        { return r.answer("latest") }
func (r *repository) Query(context.Context, string, string) ([]byte, error) { return r.answer("query") }

func TestDirect(t *testing.T) {
	absent, outage := &tiers.AbsentError{Text: "unknown revision"}, &tiers.UpstreamError{Upstream: "direct", Err: errors.New("no route to host")}
	gone, out, well := serve(t, answers(404, "said gone")), serve(t, answers(500, "said out")), serve(t, answers(200, "of a proxy"))
	for _, tc := range []struct {
		claim, goproxy string
		direct         error
		want           string // in the file or in the error
		absent         bool
	}{
		{"what the proxies lack is fetched", gone.URL + ",direct", nil, "v1.0.0", false},
		{"what they have is not", well.URL + ",direct", outage, "of a proxy", false},
		{"an outage before a comma is one", out.URL + ",direct", nil, "500", false},
		{"an outage before a pipe leads to it", out.URL + "|direct", nil, "v1.0.0", false},
		{"an absence everywhere is one, in its words", gone.URL + ",direct", absent, "unknown revision", true},
		{"an outage before it makes its absence none", out.URL + "|direct", absent, "500", false},
		{"its own outage is no absence", gone.URL + ",direct", outage, "no route to host", false},
		{"it may be alone", "direct", nil, "v1.0.0", false},
		{"off before it ends the list", "off,direct", nil, "GOPROXY=off", true},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			l := list(t, tc.goproxy)
			l.Direct = &repository{err: tc.direct}
			b, err := read(t, l, zipRef)
			got := string(b)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tc.want) || errors.Is(err, fs.ErrNotExist) != tc.absent {
				t.Errorf("got %q, error %v; want %q, absent %t", b, err, tc.want, tc.absent)
			}
		})
	}
}

func TestPrivateModulesAreNoProxysBusiness(t *testing.T) {
	proxy := serve(t, answers(200, "of a proxy"))
	r := new(repository)
	l := list(t, proxy.URL)
	l.Direct = r
	l.Private = func(path string) bool { return path == zipRef.Path }
	o, err := l.Open(t.Context(), zipRef)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, o.Body)
	o.Body.Close()
	vs, err1 := l.Versions(t.Context(), zipRef.Path)
	_, err2 := l.Latest(t.Context(), zipRef.Path)
	_, err3 := l.Query(t.Context(), zipRef.Path, "main")
	if err := errors.Join(err1, err2, err3); err != nil || !slices.Equal(vs, []string{"v1.0.0"}) {
		t.Errorf("got versions %q, error %v", vs, err)
	}
	if want := []string{"zip", "list", "latest", "query"}; !slices.Equal(r.asked, want) {
		t.Errorf("asked %q, want %q", r.asked, want)
	}
	if n := proxy.asked(); n != 0 {
		t.Errorf("the proxy was asked %d times for a private module", n)
	}
	if _, err := l.Latest(t.Context(), zipRef.Path+"/public"); err == nil && proxy.asked() != 1 {
		t.Error("another module was not asked of the proxy")
	}
}
