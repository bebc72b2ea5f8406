package tiers

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// A note is a small file of ours that is no module's: what a checksum database
// said, or the last answer to a question whose answer changes. Notes lie below
// <root>/.modtier/notes/, count against the tier's limits and are evicted as
// module files are.
const notesDir = ownDir + "/notes/"

// maxNote is the largest note, in bytes.
const maxNote = maxSmall

func isNote(name string) bool { return strings.HasPrefix(name, notesDir) }

// ReadNote returns the note of that name and when it was written. If there is
// none, the error matches fs.ErrNotExist.
func (d *Disk) ReadNote(name string) ([]byte, time.Time, error) {
	if !fs.ValidPath(name) {
		return nil, time.Time{}, fmt.Errorf("disk: read note: %q is no valid name", name)
	}
	name = notesDir + name
	f, info, err := d.open(name)
	if err != nil {
		if err != fs.ErrNotExist {
			err = fmt.Errorf("disk: read note: %w", err)
		}
		return nil, time.Time{}, err
	}
	defer f.Close()
	if info.Size() > maxNote {
		return nil, time.Time{}, fmt.Errorf("disk: read note %s: %d bytes", name, info.Size())
	}
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, time.Time{}, fmt.Errorf("disk: read note: %w", err)
	}
	now := time.Now()
	sound, touch := d.index.use(name, info.Size(), now)
	if !sound {
		d.index.add(name, info.Size(), now, false)
	}
	if touch {
		_ = d.root.Chtimes(name, now, info.ModTime()) // as in Open
	}
	return b, info.ModTime(), nil
}

// WriteNote keeps b under name, in place of what was there. The name must be a
// valid slash-separated path ([fs.ValidPath]) in lower case. A crash may lose the
// note but leaves none in part; a reader tells a note that a power cut emptied
// by its content.
func (d *Disk) WriteNote(name string, b []byte) error {
	if !fs.ValidPath(name) {
		return fmt.Errorf("disk: write note: %q is no valid name", name)
	}
	name = notesDir + name
	if len(b) > maxNote || !d.makeRoom(int64(len(b))) {
		return fmt.Errorf("disk: write note: %w", errNoRoom)
	}
	defer d.index.release(int64(len(b)))
	s, err := d.newSpool(int64(len(b)))
	if err != nil {
		return fmt.Errorf("disk: write note: %w", err)
	}
	defer s.discard()
	if _, err := s.Write(b); err != nil {
		return fmt.Errorf("disk: write note: %w", err)
	}
	for range 3 {
		if _, err = d.makeDir(path.Dir(name)); err == nil {
			err = d.root.Rename(s.name, name)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break // else an eviction removed the empty directory
		}
	}
	if err != nil {
		return fmt.Errorf("disk: write note: %w", err)
	}
	d.index.add(name, int64(len(b)), time.Now(), true)
	return nil
}
