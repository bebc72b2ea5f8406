package tiers

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// A sickFile cannot be read from the middle on.
type sickFile struct{ size int64 }

func (f sickFile) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.size/2 {
		return 0, &fs.PathError{Op: "read", Path: "source.zip", Err: syscall.EIO}
	}
	return len(p), nil
}

func TestCheckSound(t *testing.T) {
	for _, k := range []Kind{Info, Zip} {
		t.Run("what cannot be read is not known to be corrupt: "+k.String(), func(t *testing.T) {
			err := checkSound(Ref{"example.com/a", "v1.0.0", k}, sickFile{1000}, 1000)
			if errors.Is(err, ErrCorrupt) || !errors.Is(err, syscall.EIO) {
				t.Errorf("got error %v, want EIO and not ErrCorrupt", err)
			}
		})
	}

	t.Run("an info or go.mod is not read if it is larger than the go command takes", func(t *testing.T) {
		for _, k := range []Kind{Info, Mod} {
			err := checkSound(Ref{"example.com/a", "v1.0.0", k}, bytes.NewReader(nil), maxSmall+1)
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s: got error %v, want ErrCorrupt", k, err)
			}
		}
	})

	t.Run("a page of markup is no go.mod", func(t *testing.T) {
		for content, corrupt := range map[string]bool{
			"<html>":                            true,
			"\n\t <!DOCTYPE html>":              true,
			"<?xml version=\"1.0\"?>":           true,
			"module example.com/a\n":            false,
			"// <html> is fine\nmodule a.b/c\n": false,
		} {
			err := checkSound(Ref{"example.com/a", "v1.0.0", Mod}, strings.NewReader(content), int64(len(content)))
			if errors.Is(err, ErrCorrupt) != corrupt {
				t.Errorf("%q: got error %v, want ErrCorrupt: %t", content, err, corrupt)
			}
		}
	})
}
