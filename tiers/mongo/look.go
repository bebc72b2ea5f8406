package mongo

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"golang.org/x/mod/module"
)

// directory is what the names of all files in the zip of v begin with
// (https://go.dev/ref/mod#zip-files).
func directory(v module.Version) string { return v.Path + "@" + v.Version + "/" }

// look returns the directory that all entries of a zip are in, or "" if it is no
// zip or one that was cut short: its list of entries is its end. Files never
// change, so one look at each is enough.
func (s *Store) look(ctx context.Context, f *file) (string, error) {
	if dir, ok := s.inside.Get(f.ID); ok {
		return dir, nil
	}
	// The entries of a large zip take up memory while they are looked at.
	select {
	case s.looks <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-s.looks }()
	r := &chunkReader{ctx: ctx, store: s, file: f, n: -1}
	z, err := zip.NewReader(r, f.Length)
	if r.err != nil {
		return "", r.err
	}
	dir := ""
	if err == nil {
		dir = commonDirectory(z.File)
	}
	s.inside.Add(f.ID, dir)
	return dir, nil
}

// torn reports whether a file is known to be no whole zip. Ours are whole when a
// document names them, and are not looked into; but chunks may be lost later.
func (s *Store) torn(id bson.ObjectID) bool {
	dir, known := s.inside.Get(id)
	return known && dir == ""
}

func commonDirectory(entries []*zip.File) string {
	if len(entries) == 0 {
		return ""
	}
	path, rest, _ := strings.Cut(entries[0].Name, "@")
	version, _, ok := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	dir := path + "@" + version + "/"
	for _, e := range entries {
		if !strings.HasPrefix(e.Name, dir) {
			return ""
		}
	}
	return dir
}

// errTorn says that chunks of a file are missing or have another size.
var errTorn = errors.New("chunks are missing")

// A chunkReader reads at any place of a file, a chunk at a time.
type chunkReader struct {
	ctx   context.Context
	store *Store
	file  *file
	n     int64 // which chunk data is, or -1
	data  []byte
	err   error // the database's, which says nothing about the file
}

func (r *chunkReader) ReadAt(p []byte, off int64) (n int, err error) {
	size := int64(r.file.ChunkSize)
	for n < len(p) {
		pos := off + int64(n)
		if pos >= r.file.Length {
			return n, io.EOF
		}
		if err := r.load(pos / size); err != nil {
			return n, err
		}
		n += copy(p[n:], r.data[pos%size:])
	}
	return n, nil
}

func (r *chunkReader) load(n int64) error {
	if n == r.n {
		return nil
	}
	ctx, cancel := r.store.within(r.ctx)
	defer cancel()
	var c chunk
	err := r.store.chunks.FindOne(ctx, bson.D{{Key: "files_id", Value: r.file.ID}, {Key: "n", Value: n}}).Decode(&c)
	if errors.Is(err, driver.ErrNoDocuments) {
		return errTorn
	}
	if err != nil {
		r.err = err
		return err
	}
	if int64(len(c.Data)) != r.file.size(n) {
		return errTorn
	}
	r.n, r.data = n, c.Data
	return nil
}

// A chunk is a piece of a file, as fs.chunks has it.
type chunk struct {
	ID     bson.ObjectID `bson:"_id"`
	FileID bson.ObjectID `bson:"files_id"`
	N      int32         `bson:"n"`
	Data   []byte        `bson:"data"`
}

// size returns how long chunk n of f must be.
func (f *file) size(n int64) int64 {
	return min(int64(f.ChunkSize), f.Length-n*int64(f.ChunkSize))
}
