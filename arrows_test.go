package main

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Who may not know whom. The rooms stay apart so that one can be read, and
// changed, without the others.
func TestArrowsThatMustNeverBe(t *testing.T) {
	const module = "github.com/modtier/modtier/"
	backends := []string{"tiers/bucket", "tiers/direct", "tiers/external", "tiers/memory", "tiers/mongo", "tiers/peer", "tiers/upstream"}
	never := map[string][]string{
		"tiers":          append([]string{"gateway", "metrics", "config"}, backends...),
		"gateway":        append([]string{"metrics", "config"}, backends...),
		"gateway/live":   append([]string{"gateway", "metrics", "config", "tiers", "locks"}, backends...),
		"gateway/policy": append([]string{"gateway", "metrics", "config", "tiers", "locks"}, backends...),
		"metrics":        {"gateway", "config"},
		"config":         {"gateway", "metrics", "tiers"},
	}
	lockers := []string{"locks", "locks/bucket", "locks/etcd", "locks/mongo", "locks/redis"}
	for _, l := range lockers {
		never[l] = append([]string{"tiers", "gateway", "metrics", "config"}, backends...)
		for _, other := range lockers[1:] {
			if other != l {
				never[l] = append(never[l], other)
			}
		}
	}
	never["tiers"] = append(never["tiers"], lockers[1:]...)
	never["traces"] = append([]string{"gateway", "metrics", "config"}, backends...)
	for _, room := range slices.Collect(maps.Keys(never)) {
		if room != "traces" {
			never[room] = append(never[room], "traces")
		}
	}
	never["tiers/internal/web"] = append([]string{"tiers"}, never["tiers"]...)
	for _, b := range backends {
		never[b] = []string{"gateway", "metrics", "config", "traces"}
		for _, other := range backends {
			if other != b {
				never[b] = append(never[b], other)
			}
		}
	}
	for room, others := range never {
		out, err := exec.Command("go", "list", "-deps", "./"+room).Output()
		if err != nil {
			t.Fatalf("go list -deps ./%s: %v", room, err)
		}
		deps := strings.Fields(string(out))
		for _, other := range others {
			if slices.Contains(deps, module+other) {
				t.Errorf("%s imports %s, directly or over others", room, other)
			}
		}
	}
}
