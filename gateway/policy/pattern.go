package policy

import (
	"fmt"
	"strings"

	"golang.org/x/mod/semver"
)

// A pattern is one item of a rule's versions:
//
//	v1, v1.2 or v1.*   the versions that begin so; v1 is not the beginning of v10
//	v1.2.3             this one, and what follows it after a dash or a plus
//	v1.2.3*            whatever begins so
//	~v1.2.3            v1.2.3 and later ones of v1.2
//	^v1.2.3            v1.2.3 and later ones of v1
//	<v1.2.3            v1.2.3 and earlier ones: with itself, as Athens does
//
// A modifier needs all three numbers. Athens' documents leave out its v, and Athens
// itself matches nothing then; here either will do.
type pattern struct {
	modifier byte   // '~', '^' or '<'; 0 for none
	version  string // with its v; without a modifier it may be incomplete
	within   bool   // another digit after it makes another version
}

func parsePattern(item string) (pattern, error) {
	wrong := fmt.Errorf("version %q: want v1, v1.2, v1.2.3 or v1.2.*, or all of ~v1.2.3, ^v1.2.3 or <v1.2.3", item)
	if item == "" {
		return pattern{}, wrong
	}
	if m := item[0]; m == '~' || m == '^' || m == '<' {
		v := "v" + strings.TrimPrefix(item[1:], "v")
		if semver.Canonical(v) != v || semver.Prerelease(v) != "" {
			return pattern{}, wrong
		}
		return pattern{modifier: m, version: v}, nil
	}
	v := strings.TrimRight(item, "*")
	if len(v) < 2 || v[0] != 'v' || !digit(v[1]) || strings.Trim(v, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-+") != "" {
		return pattern{}, wrong
	}
	// Athens takes v1.2.3 for the beginning of v1.2.30, which nobody has approved.
	starred := len(v) < len(item) && strings.Count(v, ".") >= 2
	return pattern{version: v, within: digit(v[len(v)-1]) && !starred}, nil
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// matches reports whether version is one of p in such a rule.
func (p pattern) matches(version string, rule Rule) bool {
	if p.modifier == 0 {
		rest, ok := strings.CutPrefix(version, p.version)
		return ok && !(p.within && rest != "" && digit(rest[0]))
	}
	version = strings.TrimSuffix(version, "+incompatible")
	if semver.Canonical(version) != version {
		return false // a branch, or v1.2: the version that it means is asked for next
	}
	// Athens' modifiers know no pre-release, and so let it through a rule that
	// refuses. One that serves goes on without them.
	if semver.Prerelease(version) != "" && rule != Exclude {
		return false
	}
	order := semver.Compare(version, p.version)
	switch p.modifier {
	case '~':
		return order >= 0 && semver.MajorMinor(version) == semver.MajorMinor(p.version)
	case '^':
		return order >= 0 && semver.Major(version) == semver.Major(p.version)
	}
	return order <= 0
}
