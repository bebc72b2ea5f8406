package tiers

import (
	"path"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// A layout names the files of a version directory as Athens does on disk and
// in MinIO: <path>/<version>/go.mod, source.zip and <version>.info. Athens
// keeps path and version decoded.
type layout struct {
	// escape writes upper case as !-escapes, for file systems that fold
	// case: there, two modules would otherwise share a file.
	escape bool
}

// dir returns the directory of version v, or of all versions if v has none.
func (l layout) dir(v module.Version) string {
	if l.escape {
		// Neither fails for a valid Ref.
		v.Path, _ = module.EscapePath(v.Path)
		v.Version, _ = module.EscapeVersion(v.Version)
	}
	if v.Version == "" {
		return v.Path
	}
	return v.Path + "/" + v.Version
}

// name returns the slash-separated name of the file that r names.
func (l layout) name(r Ref) string {
	dir := l.dir(r.Module())
	switch r.Kind {
	case Info:
		return dir + "/" + path.Base(dir) + ".info"
	case Mod:
		return dir + "/go.mod"
	}
	return dir + "/source.zip"
}

// parse is the reverse of name. It reports false for a name that is none of
// ours, so that nobody else's file is ever counted or evicted.
func (l layout) parse(name string) (Ref, bool) {
	dir, file := path.Split(name)
	v, ok := l.parseDir(strings.TrimSuffix(dir, "/"))
	if !ok {
		return Ref{}, false
	}
	r := Ref{Path: v.Path, Version: v.Version}
	switch file {
	case "go.mod":
		r.Kind = Mod
	case "source.zip":
		r.Kind = Zip
	case path.Base(dir) + ".info":
		r.Kind = Info
	default:
		return Ref{}, false
	}
	return r, true
}

// parseDir returns the version whose directory is dir.
func (l layout) parseDir(dir string) (module.Version, bool) {
	p, version := path.Split(dir)
	v := module.Version{Path: strings.TrimSuffix(p, "/"), Version: version}
	if l.escape {
		var err error
		if v.Path, err = module.UnescapePath(v.Path); err != nil {
			return v, false
		}
		if v.Version, err = module.UnescapeVersion(v.Version); err != nil {
			return v, false
		}
	}
	// The cheap test first: most directories of a tree are no versions.
	if !semver.IsValid(v.Version) || !Canonical(v) {
		return v, false
	}
	return v, true
}

// Canonical reports whether v names exactly one version of a valid module
// path, so that its files never change: the condition on every Ref.
func Canonical(v module.Version) bool {
	return module.CanonicalVersion(v.Version) == v.Version && module.Check(v.Path, v.Version) == nil
}
