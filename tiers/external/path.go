package external

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// A target is what the path of a request names.
type target struct {
	action string // list, info, mod, zip, save or delete
	v      module.Version
}

// parsePath reads a URL path, decoded of its percent signs:
//
//	/<module>/@v/list
//	/<module>/@v/<version>.info, .mod, .zip, .save or .delete
//
// Athens' client escapes the module and not the version, ours both, and a person
// with curl neither: a name with a ! is escaped, and one without is as it is. No
// name has a ! of its own. What parsePath lets through is valid: nothing below
// it checks again.
func parsePath(urlPath string) (target, error) {
	name, file, ok := strings.Cut(strings.TrimPrefix(urlPath, "/"), "/@v/")
	if !ok {
		return target{}, errors.New("not a request for a module: it has no /@v/")
	}
	if tiers.TooLong(name, file) {
		return target{}, errors.New("the names of the module and its version are longer than a store can hold")
	}
	path, err := decode(name, module.UnescapePath)
	if err == nil {
		err = module.CheckPath(path)
	}
	if err != nil {
		return target{}, err
	}
	if file == "list" {
		return target{"list", module.Version{Path: path}}, nil
	}
	dot := strings.LastIndexByte(file, '.')
	if dot < 0 {
		return target{}, fmt.Errorf("module %s: no such request: %q", path, file)
	}
	t := target{action: file[dot+1:], v: module.Version{Path: path}}
	switch t.action {
	case "info", "mod", "zip", "save", "delete":
	default:
		return target{}, fmt.Errorf("module %s: no such request: %q", path, file)
	}
	if t.v.Version, err = decode(file[:dot], module.UnescapeVersion); err != nil {
		return target{}, fmt.Errorf("module %s: %w", path, err)
	}
	if !tiers.Canonical(t.v) {
		return target{}, fmt.Errorf("module %s: %q is no canonical version of it", path, t.v.Version)
	}
	return t, nil
}

func decode(name string, unescape func(string) (string, error)) (string, error) {
	if strings.Contains(name, "!") {
		return unescape(name)
	}
	return name, nil
}
