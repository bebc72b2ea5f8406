package upstream

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/internal/web"
)

// dir returns the directory that a file URL names.
func (e *entry) dir() string {
	p := e.url.Path
	if runtime.GOOS == "windows" {
		p = strings.TrimPrefix(p, "/") // file:///C:/dir
	}
	return filepath.FromSlash(p)
}

// openFile opens a file of a directory laid out as a proxy's paths are. The
// path is escaped and so stays below the directory; symbolic links are
// followed, as the go command does it.
func (e *entry) openFile(path string, limit int64) (*tiers.Object, error) {
	f, err := os.Open(filepath.Join(e.dir(), filepath.FromSlash(path)))
	if errors.Is(err, fs.ErrNotExist) {
		// A directory that is not mounted has nothing to say about files.
		if _, err := os.Stat(e.dir()); err != nil {
			return nil, e.failed(err)
		}
		return nil, &tiers.AbsentError{Text: path + ": not found"}
	}
	if err != nil {
		return nil, e.failed(err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		err = e.failed(err)
	case !info.Mode().IsRegular():
		err = e.failed(errors.New(path + ": not a regular file"))
	case info.Size() > limit:
		err = tooLarge(e, limit)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &tiers.Object{Body: f, Size: info.Size(), ModTime: info.ModTime(), Tier: "upstream"}, nil
}

func (e *entry) readFile(path string, limit int64) ([]byte, error) {
	o, err := e.openFile(path, limit)
	if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	b, err := io.ReadAll(io.LimitReader(o.Body, o.Size))
	if err != nil {
		return nil, e.failed(err)
	}
	return b, nil
}

func (e *entry) failed(err error) error {
	return &tiers.UpstreamError{Upstream: e.name(), Err: web.Scrub(err)}
}
