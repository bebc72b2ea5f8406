package tiers

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// maxSmall is the largest info or go.mod that is read whole: the limit that
// the go command sets for a go.mod (golang.org/x/mod/zip.MaxGoMod).
const maxSmall = 16 << 20

// checkSound tells a whole file from one that was cut short or is something
// else altogether, such as an error page: a zip has its directory at the end,
// an info is JSON and names its version, a go.mod is
// not empty and no markup. It does not
// tell who wrote the content; that takes a checksum database.
func checkSound(r Ref, f io.ReaderAt, size int64) error {
	switch r.Kind {
	case Zip:
		if _, err := zip.NewReader(f, size); err != nil {
			if _, ok := errors.AsType[*fs.PathError](err); ok {
				return err // the file's own: it says nothing about the content
			}
			return fmt.Errorf("%w: %s: %v", ErrCorrupt, r, err)
		}
	case Info:
		if size > maxSmall {
			return fmt.Errorf("%w: %s: %d bytes", ErrCorrupt, r, size)
		}
		b := make([]byte, size)
		if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
			return err
		}
		var info struct{ Version string }
		if err := json.Unmarshal(b, &info); err != nil {
			return fmt.Errorf("%w: %s: %v", ErrCorrupt, r, err)
		}
		if info.Version != r.Version {
			return fmt.Errorf("%w: %s: it is the info of version %q", ErrCorrupt, r, info.Version)
		}
	case Mod:
		if size == 0 || size > maxSmall {
			return fmt.Errorf("%w: %s: %d bytes", ErrCorrupt, r, size)
		}
		var head [64]byte
		n, err := f.ReadAt(head[:], 0)
		if err != nil && err != io.EOF {
			return err
		}
		if bytes.HasPrefix(bytes.TrimSpace(head[:n]), []byte("<")) {
			return fmt.Errorf("%w: %s: it is a page of HTML or XML", ErrCorrupt, r)
		}
	}
	return nil
}
