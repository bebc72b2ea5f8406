package gateway_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/modtier/modtier/tiers/tierstest"
)

func basic(user, pass string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+pass))
}

func TestAPasswordIsAskedOfEverybody(t *testing.T) {
	s := newSite(t, withSumDB, func(s *site) { s.gateway.User, s.gateway.Pass = "ci", "s3cret" })
	var paths []string
	for _, route := range routes {
		paths = append(paths, route.path)
	}
	paths = append(paths, "/metrics", "/nowhere", "/example.com/../@v/list", "/sumdb/other.example.com/latest")
	t.Run("who has none gets one answer, whatever is asked", func(t *testing.T) {
		var want string
		untouched(t, s, func() {
			for _, path := range paths {
				if path == "/healthz" || path == "/readyz" {
					continue
				}
				for _, auth := range []string{"", "Basic", "Basic !", "Bearer s3cret", basic("", ""), basic("ci", ""), basic("", "s3cret"),
					basic("ci", "s3cre"), basic("ci", "s3cretx"), basic("CI", "s3cret"), basic("s3cret", "ci")} {
					header := []string{"Authorization", auth}
					if auth == "" {
						header = nil
					}
					got := s.get(t, path, header...).is(t, 401).has(t, "Cache-Control", "no-store").tells(t, "user and password are required")
					got.has(t, "WWW-Authenticate", `Basic realm="modtier", charset="UTF-8"`)
					got.header.Del("Date")
					got.header.Del("X-Request-Id")
					if text := plainText(got); want == "" {
						want = text
					} else if text != want {
						t.Errorf("%s as %q: got %s, want as everywhere %s", path, auth, text, want)
					}
				}
				s.ask(t, "HEAD", path).is(t, 401)
				s.ask(t, "POST", path).is(t, 401)
			}
		})
	})
	t.Run("who has it gets what no shared cache may keep", func(t *testing.T) {
		for _, route := range routes {
			s.settle(t)
			got := s.get(t, route.path, "Authorization", basic("ci", "s3cret")).is(t, 200).says(t, route.body)
			want := strings.Replace(route.cacheable, "public", "private", 1)
			if control := got.header.Get("Cache-Control"); !strings.HasPrefix(control, want) {
				t.Errorf("%s: Cache-Control: got %q, want %q", route.path, control, want)
			}
		}
		got := s.get(t, "/example.com/hot/@v/v1.9.0.mod", "Authorization", basic("ci", "s3cret")).is(t, 404)
		got.has(t, "Cache-Control", "private, max-age=30")
		s.get(t, "/metrics", "Authorization", basic("ci", "s3cret")).is(t, 200)
	})
	t.Run("health is everybody's", func(t *testing.T) {
		s.get(t, "/healthz").is(t, 200).says(t, "ok\n")
		s.get(t, "/readyz").is(t, 200).says(t, "ready\n")
		s.get(t, "/healthz", "Authorization", basic("who", "ever")).is(t, 200)
		s.get(t, "/healthz/").is(t, 401)
		s.get(t, "/%68ealthz/../example.com").is(t, 401)
	})
}

// plainText returns all of a response in one string.
func plainText(r reply) string {
	var b strings.Builder
	r.header.Write(&b)
	return b.String() + r.body
}

func TestAPrefixStandsBeforeAllPaths(t *testing.T) {
	s := newSite(t, withSumDB, func(s *site) {
		s.gateway.Prefix = "/go/proxy"
		s.gateway.User, s.gateway.Pass = "ci", "s3cret"
	})
	auth := []string{"Authorization", basic("ci", "s3cret")}
	for _, route := range routes {
		s.settle(t)
		s.get(t, "/go/proxy"+route.path, auth...).is(t, 200).says(t, route.body).has(t, "Content-Type", route.contentType)
		switch route.path {
		case "/healthz", "/readyz": // where a load balancer looks for them
			s.get(t, route.path).is(t, 200).says(t, route.body)
			s.get(t, "/go/proxy"+route.path).is(t, 200).says(t, route.body)
		case "/robots.txt": // robots look nowhere else
			s.get(t, route.path, auth...).is(t, 200).says(t, route.body)
		case "/": // a load balancer that can be told no path
			s.get(t, "/").is(t, 200).says(t, "ok\n")
			s.get(t, "/?deep=1").is(t, 401)
			s.get(t, "/go/proxy/").is(t, 401)
		default:
			s.get(t, route.path, auth...).is(t, 404).tells(t, "no such path")
		}
		s.ask(t, "POST", "/go/proxy"+route.path, auth...).is(t, 405).has(t, "Allow", "GET, HEAD")
	}
	s.get(t, "/go/proxy", auth...).is(t, 200).says(t, "This is modtier.\n")
	s.get(t, "/metrics", auth...).is(t, 200)
	for _, kind := range tierstest.Kinds {
		if n := s.origin.count(filePath(hot, kind)); n != 1 {
			t.Errorf("the origin was asked %d times for the %s, want once, without the prefix", n, kind)
		}
	}
	for _, path := range []string{"/go/proxyexample.com/hot/@v/list", "/go/example.com/hot/@v/list", "/go%2fproxy/example.com/hot/@v/list"} {
		s.get(t, path, auth...).is(t, 404)
	}
}

func TestRobotsReadWhatIsConfigured(t *testing.T) {
	s := newSite(t, func(s *site) { s.gateway.Robots = []byte("User-agent: *\nAllow: /\n") })
	s.get(t, "/robots.txt").is(t, 200).says(t, "User-agent: *\nAllow: /\n")
	s = newSite(t, func(s *site) { s.gateway.Robots = []byte{} })
	s.get(t, "/robots.txt").is(t, 200).says(t, "")
}

func TestReadinessIsThatOfTheDisk(t *testing.T) {
	var sick error
	s := newSite(t, func(s *site) { s.gateway.Ready = func(context.Context) error { return sick } })
	s.origin.Close()
	s.get(t, "/readyz").is(t, 200)
	sick = errors.New("the disk is read-only")
	s.get(t, "/readyz").is(t, 503).tells(t, "the disk is read-only")
	s.get(t, "/healthz").is(t, 200)
}
