package e2e

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"unicode"
)

// A version is a made-up version of a module. Its files are the same wherever
// and whenever they are made.
type version struct {
	path, version string
	size          int64  // of the noise in its zip, in bytes
	copy          string // of two versions that differ in this alone, zips have the same size and other bytes
}

// kinds are the files of a version.
var kinds = []string{"info", "mod", "zip"}

// url returns the path at which a proxy has a file.
func (v version) url(kind string) string {
	return "/" + escape(v.path) + "/@v/" + escape(v.version) + "." + kind
}

// escape writes upper case as the protocol has it.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// name returns the slash-separated name that Athens gives a file on disk.
func (v version) name(kind string) string {
	dir := v.path + "/" + v.version + "/"
	switch kind {
	case "info":
		return dir + v.version + ".info"
	case "mod":
		return dir + "go.mod"
	}
	return dir + "source.zip"
}

// file returns a file's content.
func (v version) file(kind string) []byte {
	switch kind {
	case "info":
		return fmt.Appendf(nil, `{"Version":%q,"Time":"2026-01-02T03:04:05Z"}`, v.version)
	case "mod":
		return fmt.Appendf(nil, "module %s\n\ngo 1.21\n", v.path)
	}
	var b bytes.Buffer
	b.Grow(int(v.size) + 4096)
	if err := v.writeZip(&b); err != nil {
		panic(err) // a Buffer does not fail
	}
	return b.Bytes()
}

// writeZip writes a zip that the go command accepts and nothing compresses.
func (v version) writeZip(w io.Writer) error {
	z := zip.NewWriter(w)
	add := func(name string, content io.Reader) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: v.path + "@" + v.version + "/" + name, Method: zip.Store})
		if err == nil {
			_, err = io.Copy(f, content)
		}
		return err
	}
	if err := add("go.mod", bytes.NewReader(v.file("mod"))); err != nil {
		return err
	}
	noise := rand.NewChaCha8(sha256.Sum256([]byte(v.path + "@" + v.version + " " + v.copy)))
	if err := add("noise", io.LimitReader(noise, v.size)); err != nil {
		return err
	}
	return z.Close()
}

// many returns n versions of as many modules.
func many(n int, path string, size int64) []version {
	vs := make([]version, n)
	for i := range vs {
		vs[i] = version{path: fmt.Sprintf("%s%d", path, i), version: "v1.0.0", size: size}
	}
	return vs
}
