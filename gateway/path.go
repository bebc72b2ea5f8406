package gateway

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// maxURL is the longest URL path that is looked at, in bytes. The longest module
// paths that exist have some 200.
const maxURL = 2048

// A question is what the path of a module request asks.
type question struct {
	kind    string // info, mod, zip, list, latest or query
	path    string // the module's
	version string // or the query, if kind is query; empty for list and latest
	file    tiers.Kind
}

// ref returns the file that q asks for.
func (q question) ref() tiers.Ref {
	return tiers.Ref{Path: q.path, Version: q.version, Kind: q.file}
}

// parse reads a URL path, decoded of its percent signs but not of its !-escapes:
//
//	/<module>/@v/list
//	/<module>/@latest
//	/<module>/@v/<version>.info, .mod or .zip
//
// What it lets through is valid: nothing below it checks again.
func parse(urlPath string) (question, error) {
	escaped, rest, ok := strings.Cut(strings.TrimPrefix(urlPath, "/"), "/@")
	if !ok {
		return question{}, errors.New("not a module request: it has no /@v/ and no /@latest")
	}
	if tiers.TooLong(escaped, rest) {
		return question{}, errors.New("the names of the module and its version are longer than a store can hold")
	}
	path, err := module.UnescapePath(escaped)
	if err != nil {
		return question{}, err
	}
	q := question{path: path}
	switch rest {
	case "latest":
		q.kind = "latest"
		return q, nil
	case "v/list":
		q.kind = "list"
		return q, nil
	}
	file, ok := strings.CutPrefix(rest, "v/")
	dot := strings.LastIndexByte(file, '.')
	if !ok || dot < 0 {
		return question{}, fmt.Errorf("module %s: no such request: %q", path, "@"+rest)
	}
	switch q.kind = file[dot+1:]; q.kind {
	case "info":
		q.file = tiers.Info
	case "mod":
		q.file = tiers.Mod
	case "zip":
		q.file = tiers.Zip
	default:
		return question{}, fmt.Errorf("module %s: a version has .info, .mod and .zip, not %q", path, "."+q.kind)
	}
	if q.version, err = module.UnescapeVersion(file[:dot]); err != nil {
		return question{}, fmt.Errorf("module %s: %w", path, err)
	}
	if canonical(path, q.version) {
		return q, nil
	}
	if q.kind != "info" {
		return question{}, fmt.Errorf("module %s: %q is not a canonical version: its .info tells which one it means", path, q.version)
	}
	q.kind = "query"
	return q, nil
}

// canonical reports whether version is one version of the module, not a query.
// It is tiers.Canonical less the check of the path, which parse has made.
func canonical(path, version string) bool {
	if module.CanonicalVersion(version) != version { // "" if it is no version at all
		return false
	}
	_, major, ok := module.SplitPathVersion(path)
	return ok && module.CheckPathMajor(version, major) == nil
}
