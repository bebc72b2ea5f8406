package gateway_test

import (
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/gateway/policy"
	"github.com/modtier/modtier/tiers"
)

// withModes gives a site a mode, or several.
func withModes(t *testing.T, value string) func(*site) {
	t.Helper()
	m, err := policy.ParseModes(value, elsewhere+"/")
	if err != nil {
		t.Fatal(err)
	}
	return func(s *site) { s.gateway.Policy.Modes = m }
}

var modeNames = []string{"sync", "async", "redirect", "async_redirect", "none"}

func TestAHitIsServedInEveryModeAndNobodyIsAsked(t *testing.T) {
	before := newSite(t).warm(t)
	before.close()
	for _, mode := range modeNames {
		t.Run(mode, func(t *testing.T) {
			s := stay(openSite(t, before.dir, newOrigin(t), withModes(t, mode)))
			defer s.close()
			for _, path := range hotPaths[:3] {
				s.get(t, path).is(t, 200)
			}
			s.settle(t)
			s.get(t, hotMod).is(t, 200).has(t, "Cache-Status", "memory; hit")
			if asked := s.origin.requests(); len(asked) > 0 {
				t.Errorf("the upstream was asked for %q", asked)
			}
		})
	}
}

func TestAHitInAStoreFillsTheCachesInEveryMode(t *testing.T) {
	for _, mode := range modeNames {
		t.Run(mode, func(t *testing.T) {
			s := stay(newSite(t, withStores(t, "s3"), withModes(t, mode)))
			if err := s.stack.Stores[0].Save(t.Context(), hot, hotFiles); err != nil {
				t.Fatal(err)
			}
			for _, path := range hotPaths[:3] {
				s.get(t, path).is(t, 200)
			}
			s.settle(t)
			s.get(t, hotZip).is(t, 200).has(t, "Cache-Status", "disk; hit, memory; fwd=bypass")
			if asked := s.origin.requests(); len(asked) > 0 {
				t.Errorf("the upstream was asked for %q", asked)
			}
		})
	}
}

func TestNoneFetchesNothing(t *testing.T) {
	s := newSite(t, withModes(t, "none"))
	untouched(t, s, func() {
		for _, path := range hotPaths {
			s.get(t, path).is(t, 404).has(t, "Cache-Control", "no-store")
		}
		s.get(t, hotZip).tells(t, "not here, and not fetched: what is missing of example.com/hot stays so (DownloadMode)")
	})
	before := newSite(t).warm(t)
	before.close()
	s = openSite(t, before.dir, newOrigin(t), withModes(t, "none"))
	s.get(t, "/example.com/hot/@v/list").is(t, 200).says(t, "v1.0.0\n")
	s.get(t, "/example.com/hot/@latest").is(t, 200).says(t, string(hotFiles.Info))
	if asked := s.origin.requests(); len(asked) > 0 {
		t.Errorf("the upstream was asked for %q", asked)
	}
}

func TestRedirectSendsTheClientElsewhereAndFetchesNothing(t *testing.T) {
	s := stay(newSite(t, withModes(t, "redirect"), func(s *site) { s.gateway.Prefix = "/go" }))
	untouched(t, s, func() {
		for _, path := range append(hotPaths, "/github.com/!azure/x/@v/v2.0.0+incompatible.zip", "/github.com/!azure/x/@latest") {
			s.get(t, "/go"+path).is(t, 301).has(t, "Location", elsewhere+path).has(t, "Cache-Control", "no-store")
			s.get(t, "/go/cached-only"+path).is(t, 404)
			s.get(t, "/go"+path, "Disable-Module-Fetch", "true").is(t, 404)
		}
	})
	s = stay(newSite(t, withModes(t, "redirect"), offline))
	s.get(t, hotMod).is(t, 301)
}

func TestAsyncFetchesBehind(t *testing.T) {
	for _, mode := range []string{"async", "async_redirect"} {
		t.Run(mode, func(t *testing.T) {
			s := stay(newSite(t, withModes(t, mode)))
			for _, path := range hotPaths[:3] {
				got := s.get(t, path)
				if mode == "async" {
					got.is(t, 404).has(t, "Cache-Control", "no-store").tells(t, "not here yet: it is being fetched, so ask again later")
				} else {
					got.is(t, 301).has(t, "Location", elsewhere+path)
				}
				await(t, func() bool { return s.get(t, path).status == 200 })
			}
			s.settle(t)
			for _, path := range hotPaths[:3] {
				s.get(t, path).is(t, 200)
				if n := s.origin.count(path); n != 1 {
					t.Errorf("the upstream was asked %d times for %s, want once", n, path)
				}
			}
		})
	}
	t.Run("and asks behind for what changes", func(t *testing.T) {
		s := newSite(t, withModes(t, "async"))
		for _, path := range hotPaths[3:] {
			s.get(t, path).is(t, 404).tells(t, "not here yet: it is being fetched")
			await(t, func() bool { return s.get(t, path).status == 200 })
			s.get(t, path).is(t, 200)
			if n := s.origin.count(path); n != 1 {
				t.Errorf("the upstream was asked %d times for %s, want once", n, path)
			}
		}
		s.get(t, "/example.com/nothing/@v/list").is(t, 404).tells(t, "not here yet")
		await(t, func() bool {
			return strings.Contains(s.get(t, "/example.com/nothing/@v/list").body, "the origin lacks")
		})
	})
	t.Run("many who ask cause one fetch, and none waits", func(t *testing.T) {
		s := newSite(t, withModes(t, "async"))
		page, goOn := speakInParts(t, "module example.com/slow\n\ngo 1.26\n")
		path := filePath(module.Version{Path: "example.com/slow", Version: "v1.0.0"}, tiers.Mod)
		s.origin.set(path, page)
		for range 20 {
			s.get(t, path).is(t, 404)
		}
		goOn()
		await(t, func() bool { return s.get(t, path).status == 200 })
		if n := s.origin.count(path); n != 1 {
			t.Errorf("the upstream was asked %d times, want once", n)
		}
	})
	t.Run("offline there is nobody to ask", func(t *testing.T) {
		s := newSite(t, withModes(t, "async"), offline)
		for _, path := range hotPaths {
			s.get(t, path).is(t, 404).tells(t, "not found")
		}
	})
}

func TestAModeIsForTheModulesOfItsPattern(t *testing.T) {
	s := stay(newSite(t, withModes(t, "custom:bW9kZSA9ICJub25lIgpkb3dubG9hZCAiZXhhbXBsZS5jb20vaG90IiB7CiAgbW9kZSA9ICJzeW5jIgp9Cg==")))
	s.origin.add(module.Version{Path: "example.com/other", Version: "v1.0.0"})
	for _, path := range hotPaths {
		s.get(t, path).is(t, 200)
	}
	s.get(t, "/example.com/other/@v/v1.0.0.mod").is(t, 404).tells(t, "stays so (DownloadMode)")
}
