package gateway

import "strings"

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
func fileStatuses(caches []string) map[fileStatus][]string {
	all := make(map[fileStatus][]string)
	for _, zip := range []bool{false, true} {
		faster := "; fwd=uri-miss; stored"
		if zip {
			faster = "; fwd=bypass"
		}
		for level, name := range caches {
			hit := append([]string{name + "; hit"}, members(caches[:level], faster, faster)...)
			all[fileStatus{name, zip, false}] = []string{strings.Join(hit, ", ")}
		}
		filled := members(caches, faster, "; fwd=uri-miss; fwd-status=200; stored")
		all[fileStatus{"upstream", zip, false}] = []string{strings.Join(filled, ", ")}
		// Who joins a fill that lands meanwhile is answered from disk.
		collapsed := members(caches, strings.TrimSuffix(faster, "; stored"), "; fwd=uri-miss; collapsed")
		for _, name := range append([]string{"upstream"}, caches...) {
			all[fileStatus{name, zip, true}] = []string{strings.Join(collapsed, ", ")}
		}
	}
	return all
}

// absentStatus is the Cache-Status of a file that nobody has, with the status of
// who was asked beyond the caches, or "" if nobody was.
func absentStatus(caches []string, fwdStatus string) string {
	return strings.Join(members(caches, "; fwd=uri-miss", "; fwd=uri-miss"+fwdStatus), ", ")
}

// members returns a member for each cache, the slowest first, which goes on to
// ask somebody else.
func members(caches []string, faster, slowest string) []string {
	var ms []string
	for level := len(caches) - 1; level >= 0; level-- {
		if level == len(caches)-1 {
			ms = append(ms, caches[level]+slowest)
		} else {
			ms = append(ms, caches[level]+faster)
		}
	}
	return ms
}
