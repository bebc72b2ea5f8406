// Package tiers keeps the files of Go modules in a stack of tiers, from the
// fastest to the slowest.
//
// A [Cache] may forget what it holds; a [Store] may not. A [Stack] answers
// from the fastest tier that can, and fills the faster ones on the way back
// from what lies below: many clients that miss one file cause one fill, which
// they all follow as it grows. A [Queue] carries what came from below to the
// stores that lack it.
//
// The package holds policy and the disk tier, and no protocol: HTTP is the
// gateway's, and each other tier is a package below this one. Start reading at
// [Stack.Open].
package tiers

import (
	"context"
	"io"
	"strings"
	"time"

	"golang.org/x/mod/module"
)

// A Kind is one of the three files of a module version.
type Kind uint8

// The kinds, as the Go module reference defines them
// (https://go.dev/ref/mod#goproxy-protocol).
const (
	Info Kind = iota // the version's name and time, in JSON
	Mod              // its go.mod
	Zip              // its source tree
)

// String returns the kind's file name extension, without a dot.
func (k Kind) String() string {
	switch k {
	case Info:
		return "info"
	case Mod:
		return "mod"
	}
	return "zip"
}

// A Ref names one immutable file of a module version.
// Path and Version are decoded, never !-escaped, and valid: [module.Check]
// accepts them, and Version is canonical. Whoever makes a Ref checks that.
type Ref struct {
	Path, Version string
	Kind          Kind
}

// Module returns the version that r's file belongs to.
func (r Ref) Module() module.Version {
	return module.Version{Path: r.Path, Version: r.Version}
}

// String returns path@version.kind, for messages.
func (r Ref) String() string {
	return r.Path + "@" + r.Version + "." + r.Kind.String()
}

// An Object is an open module file. The caller must close Body.
type Object struct {
	Body      io.ReadCloser // an *os.File if the file is on local disk
	Size      int64         // in bytes, or -1 if unknown until EOF
	ModTime   time.Time     // zero if unknown
	Tier      string        // who answered: "memory", "disk", ..., "upstream"
	Collapsed bool          // Body follows a fill that another request began
}

// The bounds on names, in bytes and escaped: of the length of a module's path and
// twice that of the version, so that with what stores put around these a key stays
// below the 1024 bytes of object stores; of each part between slashes, for the 255 of
// file systems, which MinIO has too, and the go command's own cache; and of how many
// parts a path has, for the 254 of Azure.
const (
	maxName  = 960
	maxPart  = 250
	maxParts = 250
)

// TooLong reports whether the path of a module and the name of a file of it, as they
// stand in a URL, are longer than all stores can hold. Such a name must not reach one:
// what it answers to that may look like an outage.
func TooLong(path, file string) bool {
	for _, name := range []string{path, file} {
		for part := range strings.SplitSeq(name, "/") {
			if len(part) > maxPart {
				return true
			}
		}
	}
	return len(path)+2*len(file) > maxName || strings.Count(path, "/") >= maxParts
}

// A Source opens module files. Every tier is one, and so is an upstream.
type Source interface {
	// Open opens the file that r names. If it is not there, the error
	// matches fs.ErrNotExist; any other error says nothing about whether
	// it is. Reads from Body may fail once ctx is done.
	Open(ctx context.Context, r Ref) (*Object, error)
}

// A Cache is a Source that may forget.
type Cache interface {
	Source

	// Put keeps b, which nobody may change afterwards, as the file that r
	// names, with its modification time, so that a file has one validator
	// (ETag) in all tiers. What is there already stays. A cache that has no
	// room for b may decline and return nil.
	Put(ctx context.Context, r Ref, b []byte, modTime time.Time) error

	// Delete forgets all files of v. If there are none, the error matches
	// fs.ErrNotExist.
	Delete(ctx context.Context, v module.Version) error
}

// A Store is a Source that keeps what it has until told otherwise.
type Store interface {
	Source

	// Save stores the files of v as one: if it fails or the process dies,
	// a later Save of v succeeds, and until then Versions does not list v.
	// What is already stored stays: the first save wins, and a later one
	// returns nil. The info goes in last and only with the zip; without a
	// zip only the go.mod is kept. A store that can hold only whole versions
	// answers ErrWhole to that, and one that a version is too large for
	// ErrTooLarge.
	Save(ctx context.Context, v module.Version, f Files) error

	// Versions lists the versions of path of which all three files are
	// stored, in no order. That there are none is no error.
	Versions(ctx context.Context, path string) ([]string, error)

	// Delete removes v. If v is not there, the error matches fs.ErrNotExist.
	Delete(ctx context.Context, v module.Version) error

	// Catalog lists at most n whole versions, those that follow token; an
	// empty token starts at the beginning. The next token is empty at the
	// end. Tokens are opaque; one that this store did not give is an error that
	// should match ErrToken.
	Catalog(ctx context.Context, token string, n int) (vs []module.Version, next string, err error)
}

// Files are the files of one version.
type Files struct {
	Info []byte            // used only with Zip
	Mod  []byte            // required
	Zip  *io.SectionReader // nil if only the go.mod is to be kept
}

// A Difference is a save that was kept out, since other content is stored under
// the name: the first save wins.
type Difference struct {
	Store           string // the tier that has the stored content
	Ref             Ref    // the first file that differs
	Stored, Refused string // the SHA-256 of both contents, in hex
}
