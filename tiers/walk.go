package tiers

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"time"
)

// walk fills the index with the files that are there at the start. It works
// beside the serving of requests, which do not need it.
func (d *Disk) walk() {
	defer close(d.walked)
	start := time.Now()
	var all []found
	if err := d.walkDir(".", &all); err != nil {
		if !errors.Is(err, errClosed) {
			// Without the whole picture nothing may be evicted.
			d.log.Error("reading the disk tier's directory; its limits are not kept until the next start", "err", err)
		}
		return
	}
	d.index.fillIn(all)
	bytes, files := d.Usage()
	d.log.Info("disk tier counted", "files", files, "bytes", bytes, "duration", time.Since(start).Round(time.Millisecond))
	d.makeRoom(0)
}

var errClosed = errors.New("closed")

// walkDir adds the files in and below dir to all.
func (d *Disk) walkDir(dir string, all *[]found) error {
	select {
	case <-d.stop:
		return errClosed
	default:
	}
	if dir == spoolParent {
		return nil
	}
	f, err := d.root.Open(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		return err
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(1024)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			name := e.Name()
			if dir != "." {
				name = dir + "/" + name
			}
			if e.IsDir() {
				if foreign(name) {
					continue
				}
				if err := d.walkDir(name, all); err != nil {
					return err
				}
				continue
			}
			if _, ours := d.layout.parse(name); !ours && !isNote(name) || !e.Type().IsRegular() {
				continue
			}
			info, err := e.Info()
			if err != nil {
				if errors.Is(err, fs.ErrNotExist) {
					continue
				}
				return err
			}
			*all = append(*all, found{name, info.Size(), accessTime(info)})
		}
	}
}

// foreign reports whether the directory of that name below the root cannot be
// of a module, whose first element has a dot. One such is the lost+found of a
// file system, which not everybody may read.
func foreign(name string) bool { return !strings.ContainsAny(name, "./") }
