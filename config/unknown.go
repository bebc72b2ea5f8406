package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// unknownKey warns of a key that the table does not have, as it is spelled in
// the file. A value where a table belongs is an error: all keys of that table
// would be lost.
func (l *loader) unknownKey(key, from string) {
	var names []string
	for _, r := range table() {
		if strings.HasPrefix(r.id(), strings.ToLower(key)+".") {
			l.errs = append(l.errs, fmt.Errorf("%s: %s: want a table, as [%s]", from, key, key))
			return
		}
		names = append(names, r.key)
	}
	l.warnings = append(l.warnings, from+": unknown key "+key+suggest(key, names))
}

// unknownVars warns of variables that look like ours and are not. It passes
// over those that Kubernetes makes for a service named modtier.
func (l *loader) unknownVars(env map[string]string) {
	names := []string{ourPrefix + "GATEWAY"} // which explain and top read
	for _, r := range table() {
		if r.ours() {
			names = append(names, r.vars()...)
		}
	}
	service := regexp.MustCompile(`^` + ourPrefix + `(\w+_)?(PORT|SERVICE)(_|$)`)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, ourPrefix) && !slices.Contains(names, name) && !service.MatchString(name) {
			l.warnings = append(l.warnings, "unknown variable "+name+suggest(name, names))
		}
	}
}

// suggest names the nearest of names, the first of equals, if one is near
// enough to be meant. A key in the wrong table is near.
func suggest(name string, names []string) string {
	best, nearest := len(name), ""
	for _, other := range names {
		a, b := strings.ToLower(name), strings.ToLower(other)
		if d := distance(a, b); d < best && d <= max(1, len(a)/3) {
			best, nearest = d, other
		}
		a, b = a[strings.LastIndexByte(a, '.')+1:], b[strings.LastIndexByte(b, '.')+1:]
		if d := distance(a, b); d+1 < best && d <= len(a)/3 {
			best, nearest = d+1, other
		}
	}
	if nearest == "" {
		return ""
	}
	return "; did you mean " + nearest + "?"
}

// distance counts the bytes to insert, delete or replace to make a of b.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // from a[:i] to b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
