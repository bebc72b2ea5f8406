package mongo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"golang.org/x/mod/module"
)

// chunkSize is that of Athens, and the default of GridFS.
const chunkSize = 255 << 10

// upload writes a zip to GridFS, with its entry in fs.files last; if it fails,
// nothing is left. The driver's own upload keeps 16 MiB for each, and marks a
// file before its content is known.
func (s *Store) upload(ctx context.Context, v module.Version, name string, zip *io.SectionReader) (*file, error) {
	f := &file{ID: bson.NewObjectID(), Length: zip.Size(), ChunkSize: chunkSize, Name: name}
	err := s.uploadChunks(ctx, v, f, io.NewSectionReader(zip, 0, zip.Size()))
	if err == nil {
		ctx, cancel := s.within(ctx)
		defer cancel()
		f.UploadDate = time.Now().UTC().Truncate(time.Millisecond)
		_, err = s.files.InsertOne(ctx, f)
	}
	if err != nil {
		s.discard(ctx, f)
		return nil, err
	}
	return f, nil
}

func (s *Store) uploadChunks(ctx context.Context, v module.Version, f *file, zip io.Reader) error {
	hash := sha256.New()
	buf := make([]byte, batch*chunkSize)
	for n := int64(0); n < f.count(); {
		var docs []any
		for rest := buf; len(rest) > 0 && n < f.count(); n++ {
			data := rest[:f.size(n)]
			if _, err := io.ReadFull(zip, data); err != nil {
				return fmt.Errorf("reading the zip: %w", noEOF(err))
			}
			hash.Write(data)
			docs = append(docs, chunk{ID: bson.NewObjectID(), FileID: f.ID, N: int32(n), Data: data})
			rest = rest[len(data):]
		}
		if err := s.insertChunks(ctx, docs); err != nil {
			return err
		}
	}
	f.Mark = mark{v.Path, v.Version, hex.EncodeToString(hash.Sum(nil))}
	return nil
}

func (s *Store) insertChunks(ctx context.Context, docs []any) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	_, err := s.chunks.InsertMany(ctx, docs)
	return err
}

// noEOF makes an early end an error that nobody takes for an end.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// discard removes a file that is nobody's, whatever has become of ctx.
func (s *Store) discard(ctx context.Context, f *file) {
	if err := s.remove(ctx, f.ID); err != nil {
		s.log.Warn("a zip that no version needs stays in GridFS", "tier", s.name, "file", f.Name, "id", f.ID.Hex(), "error", err)
	}
}

// remove removes a file, so that at no time it shows without its content.
func (s *Store) remove(ctx context.Context, id bson.ObjectID) error {
	ctx, cancel := s.after(ctx)
	defer cancel()
	if _, err := s.files.DeleteOne(ctx, bson.D{{Key: "_id", Value: id}}); err != nil {
		return err
	}
	_, err := s.chunks.DeleteMany(ctx, bson.D{{Key: "files_id", Value: id}})
	return err
}

// complete reports whether all chunks of f are there.
func (s *Store) complete(ctx context.Context, f *file) (bool, error) {
	ctx, cancel := s.within(ctx)
	defer cancel()
	n, err := s.chunks.CountDocuments(ctx, bson.D{{Key: "files_id", Value: f.ID}})
	return n == f.count(), err
}
