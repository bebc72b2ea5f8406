package gateway_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestCacheStatusOfAFile(t *testing.T) {
	const gone = "/example.com/hot/@v/v1.9.0.mod"
	info := filePath(hot, tiers.Info)
	t.Run("filled", func(t *testing.T) {
		s := newSite(t)
		const small = "disk; fwd=uri-miss; fwd-status=200; stored, memory; fwd=uri-miss; stored"
		s.get(t, info).is(t, 200).has(t, "Cache-Status", small)
		s.get(t, hotMod).is(t, 200).has(t, "Cache-Status", small)
		s.get(t, hotZip).is(t, 200).has(t, "Cache-Status", "disk; fwd=uri-miss; fwd-status=200; stored, memory; fwd=bypass")
	})
	t.Run("hit in memory", func(t *testing.T) {
		s := newSite(t).warm(t)
		s.get(t, info).is(t, 200).has(t, "Cache-Status", "memory; hit")
		s.get(t, hotMod).is(t, 200).has(t, "Cache-Status", "memory; hit")
	})
	t.Run("hit on disk", func(t *testing.T) {
		s := newSite(t).warm(t)
		s.get(t, hotZip).is(t, 200).has(t, "Cache-Status", "disk; hit, memory; fwd=bypass")
		s.close()
		s = openSite(t, s.dir, s.origin)
		s.get(t, hotMod).is(t, 200).has(t, "Cache-Status", "disk; hit, memory; fwd=uri-miss; stored")
	})
	t.Run("absent at the origin", func(t *testing.T) {
		s := newSite(t)
		s.get(t, gone).is(t, 404).has(t, "Cache-Status", "disk; fwd=uri-miss; fwd-status=404, memory; fwd=uri-miss")
		s.settle(t)
		s.origin.set(gone, speak(410, "withdrawn"))
		s.get(t, gone).is(t, 410).has(t, "Cache-Status", "disk; fwd=uri-miss; fwd-status=410, memory; fwd=uri-miss")
		s.get(t, "/example.com/hot/@v/v1.9.0.zip").is(t, 404).has(t, "Cache-Status", "disk; fwd=uri-miss; fwd-status=404, memory; fwd=bypass")
	})
	t.Run("absent, and nobody was asked", func(t *testing.T) {
		const nobody = "disk; fwd=uri-miss, memory; fwd=uri-miss"
		s := newSite(t)
		s.get(t, hotMod, "Disable-Module-Fetch", "true").is(t, 404).has(t, "Cache-Status", nobody)
		s.get(t, "/cached-only"+hotMod).is(t, 404).has(t, "Cache-Status", nobody)
		s = newSite(t, offline)
		s.get(t, hotMod).is(t, 404).has(t, "Cache-Status", nobody)
	})
	t.Run("outage", func(t *testing.T) {
		s := newSite(t)
		s.origin.Close()
		s.get(t, hotMod).is(t, 502).has(t, "Cache-Status", "disk; fwd=uri-miss, memory; fwd=uri-miss")
	})
}

// offline makes a site ask no upstream.
func offline(s *site) {
	s.stack.Upstream = nil
	s.gateway.Upstream = nil
}

func TestCacheStatusOfAFollower(t *testing.T) {
	for _, test := range []struct {
		kind tiers.Kind
		want string
	}{
		{tiers.Mod, "disk; fwd=uri-miss; collapsed, memory; fwd=uri-miss"},
		{tiers.Zip, "disk; fwd=uri-miss; collapsed, memory; fwd=bypass"},
	} {
		t.Run(test.kind.String(), func(t *testing.T) {
			s, path := newSite(t), filePath(hot, test.kind)
			body := string(tierstest.Bytes(hotFiles, test.kind))
			page, goOn := speakInParts(t, body)
			s.origin.set(path, page)
			var wg sync.WaitGroup
			ask := func(want string) {
				wg.Go(func() { s.get(t, path).is(t, 200).says(t, body).has(t, "Cache-Status", want) })
			}
			ask("disk; fwd=uri-miss; fwd-status=200; stored, memory; " + map[tiers.Kind]string{
				tiers.Mod: "fwd=uri-miss; stored", tiers.Zip: "fwd=bypass"}[test.kind])
			await(t, func() bool { return s.stack.Filling() == 1 })
			ask(test.want)
			ask(test.want)
			await(t, func() bool { return s.stack.Collapsed() == 2 })
			goOn()
			wg.Wait()
			if n := s.origin.count(path); n != 1 {
				t.Errorf("the origin was asked %d times, want once", n)
			}
		})
	}
}

// A request that joins a fill just as it lands is answered from disk.
func TestEveryFileHasACacheStatus(t *testing.T) {
	for _, collapsed := range []bool{false, true} {
		for _, tier := range []string{"memory", "disk", "upstream"} {
			for _, kind := range tierstest.Kinds {
				s := newSite(t, func(s *site) {
					s.gateway.Files = source{tiers.Object{Tier: tier, Collapsed: collapsed}}
				})
				got := s.get(t, filePath(hot, kind)).is(t, 200)
				if got.header.Get("Cache-Status") == "" {
					t.Errorf("%s of tier %s, collapsed %t: there is no Cache-Status", kind, tier, collapsed)
				}
			}
		}
	}
}

// A source has an empty file under every name.
type source struct{ tiers.Object }

func (s source) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	o := s.Object
	o.Body = http.NoBody
	return &o, nil
}

func TestCacheStatusOfAnAnswer(t *testing.T) {
	const list = "/example.com/hot/@v/list"
	s := newSite(t)
	s.get(t, list).has(t, "Cache-Status", "answers; fwd=miss; fwd-status=200; stored")
	s.get(t, "/example.com/nothing/@latest").is(t, 404).has(t, "Cache-Status", "answers; fwd=miss; fwd-status=404; stored")
	s.origin.set("/example.com/gone/@latest", speak(410, "withdrawn"))
	s.get(t, "/example.com/gone/@latest").is(t, 410).has(t, "Cache-Status", "answers; fwd=miss; fwd-status=410; stored")
	for _, path := range []string{list, "/example.com/nothing/@latest"} {
		items, err := parseItems(s.get(t, path).header.Get("Cache-Status"))
		if err != nil || len(items) != 1 || items[0].name != "answers" || items[0].params["hit"] != true {
			t.Errorf("%s again: got %v, error %v, want one hit of answers", path, items, err)
		} else if ttl, ok := items[0].params["ttl"].(int64); !ok || ttl > 60 {
			t.Errorf("%s again: got ttl %v, want one of at most a minute", path, items[0].params["ttl"])
		}
	}
	s = newSite(t, offline)
	s.get(t, list).is(t, 404).has(t, "Cache-Status", "answers; fwd=miss")
}
