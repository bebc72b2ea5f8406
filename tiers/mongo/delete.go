package mongo

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"golang.org/x/mod/module"
)

// Delete removes v: its document first, so that none names a zip that is gone,
// and then all zips that are its own.
func (s *Store) Delete(ctx context.Context, v module.Version) error {
	there, err := s.delete(ctx, v)
	if err != nil {
		return fmt.Errorf("%s: delete %s: %w", s.name, v, err)
	}
	if !there {
		return fs.ErrNotExist
	}
	return nil
}

func (s *Store) delete(ctx context.Context, v module.Version) (there bool, err error) {
	docs, err := s.documents(ctx, v)
	if err != nil {
		return false, err
	}
	named := make(map[bson.ObjectID]bool)
	for _, d := range docs {
		n, err := s.deleteDocument(ctx, d.ID)
		if err != nil {
			return false, err
		}
		there = there || n > 0
		if !d.ZipFile.IsZero() {
			named[d.ZipFile] = true
		}
	}
	for id := range named {
		if err := s.remove(ctx, id); err != nil {
			return there, err
		}
	}
	files, err := s.find(ctx, byNames(v))
	if err != nil {
		return there, err
	}
	for _, f := range files {
		own, err := s.own(ctx, v, &f)
		if err == nil && own {
			err = s.remove(ctx, f.ID)
		}
		if err != nil {
			return there, err
		}
	}
	return there, nil
}

func (s *Store) deleteDocument(ctx context.Context, id bson.ObjectID) (int64, error) {
	ctx, cancel := s.within(ctx)
	defer cancel()
	r, err := s.docs.DeleteOne(ctx, bson.D{{Key: "_id", Value: id}})
	if err != nil {
		return 0, err
	}
	return r.DeletedCount, nil
}

// own reports whether f is a zip of v that no save is about to publish.
func (s *Store) own(ctx context.Context, v module.Version, f *file) (bool, error) {
	if f.marked() {
		return f.markedFor(v) && time.Since(f.UploadDate) > stale, nil
	}
	dir, err := s.look(ctx, f)
	return dir == directory(v), err
}
