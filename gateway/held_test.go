package gateway_test

import (
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers/tierstest"
)

// heldOnly are the two ways to ask for what is held alone, as functions of a
// path.
var heldOnly = map[string]func(t *testing.T, s *site, path string) reply{
	"Disable-Module-Fetch": func(t *testing.T, s *site, path string) reply {
		return s.get(t, path, "Disable-Module-Fetch", "true")
	},
	"/cached-only/": func(t *testing.T, s *site, path string) reply {
		return s.get(t, s.gateway.Prefix+"/cached-only"+strings.TrimPrefix(path, s.gateway.Prefix))
	},
}

func TestWhatIsHeldAlone(t *testing.T) {
	for name, get := range heldOnly {
		for _, prefix := range []string{"", "/go/proxy"} {
			t.Run(name+" "+prefix, func(t *testing.T) {
				s := newSite(t, func(s *site) { s.gateway.Prefix = prefix })
				all := []string{"@v/list", "@latest", "@v/main.info", "@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip"}
				for _, file := range all {
					get(t, s, prefix+"/example.com/hot/"+file).is(t, 404).tells(t, "not found").has(t, "Cache-Control", "no-store")
				}
				if got := s.origin.requests(); len(got) > 0 {
					t.Errorf("the origin was asked for %q", got)
				}
				for _, kind := range tierstest.Kinds {
					s.get(t, prefix+filePath(hot, kind)).is(t, 200)
				}
				s.settle(t)
				asked := len(s.origin.requests())
				for _, kind := range tierstest.Kinds {
					get(t, s, prefix+filePath(hot, kind)).is(t, 200).says(t, string(tierstest.Bytes(hotFiles, kind)))
				}
				get(t, s, prefix+"/example.com/hot/@v/list").is(t, 200).says(t, "v1.0.0\n")
				get(t, s, prefix+"/example.com/hot/@latest").is(t, 200).says(t, string(hotFiles.Info))
				get(t, s, prefix+"/example.com/hot/@v/main.info").is(t, 404)
				if got := s.origin.requests()[asked:]; len(got) > 0 {
					t.Errorf("the origin was asked for %q", got)
				}
			})
		}
	}
	t.Run("Disable-Module-Fetch: false fetches", func(t *testing.T) {
		s := newSite(t)
		s.get(t, hotMod, "Disable-Module-Fetch", "false").is(t, 200)
		s.get(t, hotZip, "Disable-Module-Fetch", "TRUE").is(t, 404)
	})
	t.Run("what was answered before counts as held", func(t *testing.T) {
		s := newSite(t)
		for _, path := range []string{"@v/list", "@latest", "@v/main.info"} {
			path = "/example.com/hot/" + path
			want := s.get(t, path).is(t, 200).body
			for _, get := range heldOnly {
				get(t, s, path).is(t, 200).says(t, want)
			}
			if n := s.origin.count(path); n != 1 {
				t.Errorf("the origin was asked for %s %d times, want once", path, n)
			}
		}
	})
}

// The versions held, of which the go command takes no pseudo-version for the
// latest if there is any other.
func TestListsWithoutAnUpstream(t *testing.T) {
	for _, test := range []struct {
		name         string
		held         []string
		list, latest string
	}{
		{"none", nil, "", ""},
		{"a release", []string{"v1.0.0", "v1.10.0", "v1.9.0"}, "v1.0.0\nv1.9.0\nv1.10.0\n", "v1.10.0"},
		{"a release below a pre-release", []string{"v1.2.0", "v1.3.0-rc.1"}, "v1.2.0\nv1.3.0-rc.1\n", "v1.2.0"},
		{"pre-releases", []string{"v1.3.0-rc.2", "v1.3.0-rc.10"}, "v1.3.0-rc.2\nv1.3.0-rc.10\n", "v1.3.0-rc.10"},
		{"a pre-release below a pseudo-version", []string{"v1.3.0-rc.2", "v1.4.1-0.20240203040506-abcdefabcdef"}, "v1.3.0-rc.2\n", "v1.3.0-rc.2"},
		{"pseudo-versions", []string{"v0.0.0-20240203040506-abcdefabcdef", "v0.0.0-20250203040506-abcdefabcdef"}, "", "v0.0.0-20250203040506-abcdefabcdef"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, offline)
			for _, version := range test.held {
				v := module.Version{Path: "example.com/m", Version: version}
				if err := s.stack.Save(t.Context(), v, tierstest.Version(v, "a")); err != nil {
					t.Fatal(err)
				}
			}
			if list := s.get(t, "/example.com/m/@v/list"); len(test.held) == 0 {
				list.is(t, 404)
			} else {
				list.is(t, 200).says(t, test.list)
			}
			latest := s.get(t, "/example.com/m/@latest")
			if test.latest == "" {
				latest.is(t, 404)
				return
			}
			v := module.Version{Path: "example.com/m", Version: test.latest}
			latest.is(t, 200).says(t, string(tierstest.Version(v, "a").Info))
		})
	}
}
