package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// ensureIndexes makes the indexes, unless they are there: Athens' unique one,
// under the name that it has for Athens too, those of GridFS, and one without a
// field that no document has: a sparse index that begins with base_url finds no
// document faster, and there are servers of the protocol that take two missing
// fields for two different ones. A server that refuses an index is used without,
// with a warning.
func (s *Store) ensureIndexes(ctx context.Context) error {
	select {
	case s.indexing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.indexing }()
	if s.indexed {
		return nil
	}
	for _, i := range []struct {
		of     *driver.Collection
		fields []string
		how    *options.IndexOptionsBuilder
		loss   string // what is lost without
	}{
		{s.docs, []string{"base_url", "module", "version"}, options.Index().SetUnique(true).SetSparse(true),
			"two saves of one version at once may both be kept"},
		{s.docs, []string{"module", "version"}, options.Index().SetUnique(true),
			"each look for a version reads all documents, and on some servers two saves of one may both be kept"},
		{s.files, []string{"filename", "uploadDate"}, nil, "each look for a zip reads all entries of GridFS"},
		{s.chunks, []string{"files_id", "n"}, options.Index().SetUnique(true), "each read of a zip reads all of GridFS"},
	} {
		var keys bson.D
		for _, f := range i.fields {
			keys = append(keys, bson.E{Key: f, Value: int32(1)})
		}
		err := s.index(ctx, i.of, driver.IndexModel{Keys: keys, Options: i.how})
		if _, ok := errors.AsType[driver.CommandError](err); ok && refused(err) {
			s.log.Warn("an index cannot be made: "+i.loss, "tier", s.name, "collection", i.of.Name(), "error", err)
		} else if err != nil {
			return err
		}
	}
	s.indexed = true
	return nil
}

func (s *Store) index(ctx context.Context, of *driver.Collection, m driver.IndexModel) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	_, err := of.Indexes().CreateOne(ctx, m)
	return err
}
