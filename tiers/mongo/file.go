package mongo

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"golang.org/x/mod/module"
)

// A file is a zip in GridFS, as fs.files has it
// (https://github.com/mongodb/specifications/blob/master/source/gridfs/gridfs-spec.md).
type file struct {
	ID         bson.ObjectID `bson:"_id"`
	Length     int64         `bson:"length"`
	ChunkSize  int32         `bson:"chunkSize"`
	UploadDate time.Time     `bson:"uploadDate"`
	Name       string        `bson:"filename"`
	Mark       mark          `bson:"metadata,omitempty"`
}

// A mark is what a file of ours says of itself. It counts only once a document
// names the file: until then its save is under way, or was lost to another.
type mark struct {
	Module  string `bson:"module"`
	Version string `bson:"version"`
	SHA256  string `bson:"sha256"` // of the content, in hex
}

// Limits of what is taken for a file.
const (
	maxZip   = 4 << 30
	maxChunk = 16 << 20 // no document of MongoDB is larger
)

// sane reports whether f can have content.
func (f *file) sane() bool {
	return f.Length > 0 && f.Length <= maxZip && f.ChunkSize > 0 && f.ChunkSize <= maxChunk
}

// marked reports whether f is one of ours.
func (f *file) marked() bool { return f.Mark.Module != "" }

func (f *file) markedFor(v module.Version) bool {
	return f.Mark.Module == v.Path && f.Mark.Version == v.Version
}

// count returns how many chunks f should have.
func (f *file) count() int64 { return (f.Length + int64(f.ChunkSize) - 1) / int64(f.ChunkSize) }

// sharedName is the name under which Athens looks for the zip of v, and for those
// of all versions that differ from it in / and _ only.
func sharedName(v module.Version) string {
	return strings.ReplaceAll(v.Path, "/", "_") + "_" + v.Version + ".zip"
}

// ownName is the name of a zip that would hide another one under the shared name.
// Athens looks for no such name.
func ownName(v module.Version) string {
	return fmt.Sprintf("%s.%.8x", sharedName(v), sha256.Sum256([]byte(v.String())))
}

// byNames finds the files that can be the zip of v.
func byNames(v module.Version) bson.D {
	return bson.D{{Key: "filename", Value: bson.D{{Key: "$in", Value: bson.A{sharedName(v), ownName(v)}}}}}
}

// find returns the files that filter finds, the newest first. What is no file
// that we or Athens wrote is left out.
func (s *Store) find(ctx context.Context, filter bson.D) (fs []file, err error) {
	ctx, cancel := s.within(ctx)
	defer cancel()
	c, err := s.files.Find(ctx, filter)
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	for c.Next(ctx) {
		var f file
		if c.Decode(&f) == nil && f.sane() {
			fs = append(fs, f)
		}
	}
	slices.SortFunc(fs, func(a, b file) int {
		if c := b.UploadDate.Compare(a.UploadDate); c != 0 {
			return c
		}
		return slices.Compare(b.ID[:], a.ID[:])
	})
	return fs, c.Err()
}

// zipOf returns the zip of a document, or nil if it is lost.
func (s *Store) zipOf(ctx context.Context, d *document) (*file, error) {
	filter := byNames(module.Version{Path: d.Module, Version: d.Version})
	if !d.ZipFile.IsZero() {
		filter = bson.D{{Key: "_id", Value: d.ZipFile}}
	}
	fs, err := s.find(ctx, filter)
	if err != nil {
		return nil, err
	}
	return s.pick(ctx, d, fs)
}

// pick returns the zip of a document among files, the newest first, or nil.
func (s *Store) pick(ctx context.Context, d *document, fs []file) (*file, error) {
	for i, f := range fs {
		if !d.ZipFile.IsZero() {
			if f.ID == d.ZipFile && !s.torn(f.ID) {
				return &fs[i], nil
			}
			continue
		}
		if f.marked() {
			continue
		}
		dir, err := s.look(ctx, &f)
		if err != nil {
			return nil, err
		}
		if dir == directory(module.Version{Path: d.Module, Version: d.Version}) {
			return &fs[i], nil
		}
	}
	return nil, nil
}
