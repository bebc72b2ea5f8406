package gateway

import (
	"slices"
	"strings"
)

// A fileStatus is all that the Cache-Status of a file depends on (RFC 9211):
// which tier had it, whether it is a zip, and so goes to disk only, and whether
// the request joined another one's fill.
type fileStatus struct {
	tier      string
	zip       bool
	collapsed bool
}

// fileStatuses returns the header's values for each case. The member nearest to
// the origin comes first; a tier that was not asked is not in it.
func fileStatuses(caches, stores []string) map[fileStatus][]string {
	all := make(map[fileStatus][]string)
	const stored = "; fwd=uri-miss; stored"
	for _, zip := range []bool{false, true} {
		faster := stored
		if zip {
			faster = "; fwd=bypass"
		}
		for level, name := range caches {
			hit := append([]string{name + "; hit"}, members(caches[:level], faster, faster)...)
			all[fileStatus{name, zip, false}] = []string{strings.Join(hit, ", ")}
		}
		filled := members(caches, faster, stored)
		for level, name := range stores {
			hit := append([]string{name + "; hit"}, members(stores[:level], stored, stored)...)
			all[fileStatus{name, zip, false}] = []string{strings.Join(append(hit, filled...), ", ")}
		}
		const last = "; fwd=uri-miss; fwd-status=200; stored"
		if len(stores) == 0 {
			filled = members(caches, faster, last)
		} else {
			filled = append(members(stores, stored, last), filled...)
		}
		all[fileStatus{"upstream", zip, false}] = []string{strings.Join(filled, ", ")}
		all[fileStatus{"peer", zip, false}] = all[fileStatus{"upstream", zip, false}] // which saves it
		// Who joins a fill that lands meanwhile is answered from disk.
		collapsed := []string{strings.Join(members(caches, strings.TrimSuffix(faster, "; stored"), "; fwd=uri-miss; collapsed"), ", ")}
		for _, names := range [][]string{{"upstream", "peer"}, caches, stores} {
			for _, name := range names {
				all[fileStatus{name, zip, true}] = collapsed
			}
		}
	}
	return all
}

// absentStatus is the Cache-Status of a file that nobody has, with the status of
// who was asked beyond the caches, or "" if nobody was. A zip was looked for on disk
// alone, which is the last of the caches.
func absentStatus(caches, stores []string, zip bool, fwdStatus string) string {
	tiers := slices.Concat(caches, stores)
	ms := members(tiers, "; fwd=uri-miss", "; fwd=uri-miss"+fwdStatus)
	if zip && len(caches) > 0 {
		ms = append(ms[:len(stores)+1], members(caches[:len(caches)-1], "; fwd=bypass", "; fwd=bypass")...)
	}
	return strings.Join(ms, ", ")
}

// members returns a member for each tier, the slowest first, which goes on to
// ask somebody else.
func members(tiers []string, faster, slowest string) []string {
	var ms []string
	for level := len(tiers) - 1; level >= 0; level-- {
		if level == len(tiers)-1 {
			ms = append(ms, tiers[level]+slowest)
		} else {
			ms = append(ms, tiers[level]+faster)
		}
	}
	return ms
}
