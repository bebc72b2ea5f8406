package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestNetworkModesWithTheGoCommand has a go command know the gateway and behind it
// another proxy, that has everything. It is asked for what is absent here, and never
// for what an outage keeps from us.
func TestNetworkModesWithTheGoCommand(t *testing.T) {
	t.Parallel()
	one := version{path: "example.com/Networked", version: "v1.0.0", size: 100} // held
	two := version{path: one.path, version: "v1.1.0", size: 100}
	three := version{path: one.path, version: "v1.9.0", size: 100} // that only the other proxy has
	questions := []question{
		{"list", one.path, ""},
		{"get", one.path, ""}, // @latest
		{"download", one.path, "v1.0.0"},
		{"download", one.path, "v1.1.0"},
	}
	well := [4]string{"v1.0.0 v1.1.0", "v1.1.0", "v1.0.0", "v1.1.0"}
	lost := [4]string{"v1.0.0", "v1.0.0", "v1.0.0", "error: 502 Bad Gateway"}
	lostStrictly := [4]string{"error: 502 Bad Gateway", "error: 502 Bad Gateway", "v1.0.0", "error: 502 Bad Gateway"}
	offline := [4]string{"v1.0.0", "v1.0.0", "v1.0.0", "v1.1.0"} // the last one from the next proxy
	for mode, want := range map[string]map[string][4]string{
		"strict":   {"well": well, "dead": lostStrictly, "answering 503": lostStrictly},
		"fallback": {"well": well, "dead": lost, "answering 503": lost},
		"offline":  {"well": offline, "dead": offline, "answering 503": offline},
	} {
		for state, want := range want {
			t.Run(mode+" with the upstream "+state, func(t *testing.T) {
				t.Parallel()
				var address string
				var asked func() int
				switch state {
				case "dead":
					address, asked = "http://"+vacant(t), func() int { return 0 }
				case "well":
					up := newUpstream(t, one, two)
					address, asked = up.URL, up.total
				default:
					var n atomic.Int64
					sick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						n.Add(1)
						http.Error(w, "out of order", http.StatusServiceUnavailable)
					}))
					t.Cleanup(sick.Close)
					address, asked = sick.URL, func() int { return int(n.Load()) }
				}
				o := options{upstream: address, dir: t.TempDir(), env: []string{"ATHENS_NETWORK_MODE=" + mode}}
				hold(t, o.dir, one)
				g := start(t, o)
				other := newUpstream(t, one, two, three)
				for i, q := range questions {
					before := other.total()
					q.reports(t, g.url+","+other.URL, want[i])
					fell := other.total() > before
					if falls := mode == "offline" && q.version == "v1.1.0"; fell != falls && q.kind != "get" {
						t.Errorf("%s %s: that the next proxy was asked is %t, want %t", q.kind, q.version, fell, falls)
					}
				}
				// go get also asks whether a path above is a module, which is nowhere.
				if n := len(other.requests("/" + escape(one.path) + "/@v/list")); n > 0 {
					t.Error("the next proxy was asked for a list that is here, or that an outage keeps from us")
				}
				if (asked() > 0) != (mode != "offline" && state != "dead") {
					t.Errorf("the upstream was asked %d times", asked())
				}
				if state == "answering 503" && mode != "offline" {
					if got := questions[3].ask(t, g.url); !strings.Contains(got, "answered 503") {
						t.Errorf("the go command reports %q, want the upstream's answer in it", got)
					}
				}
			})
		}
	}
}
