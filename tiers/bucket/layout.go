package bucket

import (
	"path"
	"strings"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// A layout names the objects of a version as Athens does, with path and version
// decoded. There are two, and a bucket written in one cannot be read in the other.
type layout struct {
	// dirs gives each version a directory of its own: <path>/<version>/go.mod,
	// source.zip and <version>.info, as on disk. Otherwise the names are almost
	// those of the proxy protocol: <path>/@v/<version>.mod, .zip and .info.
	dirs bool

	// types are the content types of the files.
	types map[tiers.Kind]string
}

// prefix returns what the keys of all versions of a module begin with.
func (l layout) prefix(modPath string) string {
	if l.dirs {
		return modPath + "/"
	}
	return modPath + "/@v/"
}

// key returns the key of the file that r names.
func (l layout) key(r tiers.Ref) string {
	if !l.dirs {
		return l.prefix(r.Path) + r.Version + "." + r.Kind.String()
	}
	dir := l.prefix(r.Path) + r.Version + "/"
	switch r.Kind {
	case tiers.Info:
		return dir + r.Version + ".info"
	case tiers.Mod:
		return dir + "go.mod"
	}
	return dir + "source.zip"
}

// parse is the reverse of key. It reports false for a key that is none of ours.
func (l layout) parse(key string) (r tiers.Ref, ok bool) {
	dir, file := path.Split(key)
	if l.dirs {
		r.Path, r.Version = path.Split(strings.TrimSuffix(dir, "/"))
		r.Path = strings.TrimSuffix(r.Path, "/")
		switch file {
		case "go.mod":
			r.Kind = tiers.Mod
		case "source.zip":
			r.Kind = tiers.Zip
		case r.Version + ".info":
			r.Kind = tiers.Info
		default:
			return r, false
		}
		return r, tiers.Canonical(r.Module())
	}
	if r.Path, ok = strings.CutSuffix(dir, "/@v/"); !ok {
		return r, false
	}
	ext := path.Ext(file)
	r.Version = strings.TrimSuffix(file, ext)
	switch ext {
	case ".mod":
		r.Kind = tiers.Mod
	case ".zip":
		r.Kind = tiers.Zip
	case ".info":
		r.Kind = tiers.Info
	default:
		return r, false
	}
	return r, tiers.Canonical(r.Module())
}

// last returns the key of v that comes last in the order of keys.
func (l layout) last(v module.Version) string {
	if l.dirs {
		return l.key(tiers.Ref{Path: v.Path, Version: v.Version, Kind: tiers.Info})
	}
	return l.key(tiers.Ref{Path: v.Path, Version: v.Version, Kind: tiers.Zip})
}
