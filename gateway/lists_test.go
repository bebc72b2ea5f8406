package gateway_test

import (
	"context"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestAListIsTheUnionOfUpstreamAndHeld(t *testing.T) {
	const m = "example.com/m"
	for _, test := range []struct {
		name     string
		upstream string // what it lists; "-" is 404
		held     []string
		want     string // "" is 404
	}{
		{"upstream alone, sorted", "v1.10.0 v1.9.0 v1.2.0-rc.1 v1.2.0", nil, "v1.2.0-rc.1\nv1.2.0\nv1.9.0\nv1.10.0\n"},
		{"held alone", "-", []string{"v1.1.0", "v1.0.0"}, "v1.0.0\nv1.1.0\n"},
		{"both, each version once", "v1.1.0 v1.0.0 v1.1.0", []string{"v1.1.0", "v0.9.0"}, "v0.9.0\nv1.0.0\nv1.1.0\n"},
		{"versions that are alike", "v2.0.0+incompatible v2.0.0+incompatible v1.0.0", []string{"v2.0.0+incompatible"}, "v1.0.0\nv2.0.0+incompatible\n"},
		{"no pseudo-versions", "v1.0.0 v1.0.1-0.20240203040506-abcdefabcdef", []string{"v0.0.0-20240203040506-abcdefabcdef"}, "v1.0.0\n"},
		{"neither", "-", nil, ""},
	} {
		claim(t, test.name, func(t *testing.T) {
			b := newBubble(t)
			if test.upstream != "-" {
				b.voice.set("list "+m, test.upstream)
			}
			b.hold(t, m, test.held...)
			got := b.get(t, "/"+m+"/@v/list")
			if test.want == "" {
				got.is(t, 404).tells(t, "nobody knows")
				return
			}
			got.is(t, 200).says(t, test.want)
		})
	}
	claim(t, "a list that is empty is no absence", func(t *testing.T) {
		b := newBubble(t)
		b.voice.set("list "+m, "")
		b.get(t, "/"+m+"/@v/list").is(t, 200).says(t, "")
	})
	claim(t, "in an outage it is what is held", func(t *testing.T) {
		b := newBubble(t)
		b.voice.fail(outage)
		b.get(t, "/"+m+"/@v/list").is(t, 502)
		b.hold(t, m, "v1.1.0", "v1.0.0", "v1.0.1-0.20240203040506-abcdefabcdef")
		got := b.get(t, "/"+m+"/@v/list").is(t, 200).says(t, "v1.0.0\nv1.1.0\n").has(t, "Cache-Status", "answers; hit; detail=held")
		got.has(t, "Proxy-Status", `modtier; next-hop="proxy.example.com"; received-status=503`)
		b.gave(t, "list error", "list stale")
		b.voice.fail(nil)
		b.voice.set("list "+m, "v1.2.0")
		b.get(t, "/"+m+"/@v/list").is(t, 200).says(t, "v1.0.0\nv1.1.0\nv1.2.0\n")
	})
}

func TestLatestIsWhatTheUpstreamSays(t *testing.T) {
	const m, path = "example.com/m", "/example.com/m/@latest"
	info := func(version string) string {
		return string(tierstest.Version(module.Version{Path: m, Version: version}, "a").Info)
	}
	claim(t, "in its words", func(t *testing.T) {
		b := newBubble(t)
		b.voice.set("latest "+m, `{"Version":"v1.0.0","Origin":{}}`)
		b.voice.set("list "+m, "v1.5.0")
		b.hold(t, m, "v1.5.0")
		b.get(t, path).is(t, 200).says(t, `{"Version":"v1.0.0","Origin":{}}`)
		b.asked(t, "list "+m, 0)
	})
	for _, test := range []struct{ name, list, want string }{
		{"else the highest release of the list", "v1.10.0 v1.9.0 v1.11.0-rc.1", "v1.10.0"},
		{"else the highest pre-release", "v1.11.0-rc.2 v1.11.0-rc.10", "v1.11.0-rc.10"},
	} {
		claim(t, test.name, func(t *testing.T) {
			b := newBubble(t)
			b.voice.set("list "+m, test.list)
			b.hold(t, m, test.want)
			b.get(t, path).is(t, 200).says(t, info(test.want))
			b.get(t, path).is(t, 200)
			b.asked(t, "latest "+m, 1)
			b.asked(t, "list "+m, 1)
		})
	}
	claim(t, "else there is none", func(t *testing.T) {
		b := newBubble(t)
		b.get(t, path).is(t, 404).tells(t, "nobody knows latest "+m)
		b.voice.set("list "+m, "")
		time.Sleep(time.Minute)
		b.get(t, path).is(t, 404).tells(t, "nobody knows latest "+m)
	})
	claim(t, "a list that cannot be had is no absence", func(t *testing.T) {
		b := newBubble(t, func(b *bubble) { b.Gateway.Upstream = listless{b.voice} })
		b.get(t, path).is(t, 502).tells(t, "out of order")
	})
	claim(t, "in an outage it is the highest held", func(t *testing.T) {
		b := newBubble(t)
		b.voice.fail(outage)
		b.get(t, path).is(t, 502)
		b.hold(t, m, "v1.2.0", "v1.10.0", "v1.11.0-rc.1")
		b.get(t, path).is(t, 200).says(t, info("v1.10.0"))
	})
	t.Run("and the info of the highest is fetched", func(t *testing.T) {
		s := newSite(t)
		s.origin.add(module.Version{Path: m, Version: "v1.10.0"})
		s.origin.set("/"+m+"/@v/list", speak(200, "v1.9.0\nv1.10.0\n"))
		s.get(t, path).is(t, 200).says(t, info("v1.10.0"))
		s.origin.set(filePath(module.Version{Path: m, Version: "v1.10.0"}, tiers.Info), speak(404, ""))
		s.get(t, path).is(t, 200).says(t, info("v1.10.0"))
	})
}

// A listless upstream knows nothing of latest versions and cannot list.
type listless struct{ *voice }

func (listless) Versions(context.Context, string) ([]string, error) { return nil, outage }
