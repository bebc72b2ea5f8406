package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/mod/module"
)

// A document is a version without its zip. Athens writes and reads all fields but
// the last.
type document struct {
	ID      bson.ObjectID `bson:"_id"`
	Module  string        `bson:"module"`
	Version string        `bson:"version"`
	Mod     []byte        `bson:"mod"`
	Info    []byte        `bson:"info"`
	ZipFile bson.ObjectID `bson:"zip_file,omitempty"` // zero in documents of Athens
}

// half reports whether d is but a part of a version. Athens reads a document
// without a go.mod as a go.mod without content.
func (d *document) half() bool { return len(d.Mod) == 0 || len(d.Info) == 0 }

// byVersion finds the documents of v.
func byVersion(v module.Version) bson.D {
	return bson.D{{Key: "module", Value: v.Path}, {Key: "version", Value: v.Version}}
}

// filled finds the documents that are not half of a version.
var filled = bson.D{
	{Key: "mod", Value: bson.D{{Key: "$gt", Value: bson.Binary{}}}},
	{Key: "info", Value: bson.D{{Key: "$gt", Value: bson.Binary{}}}},
}

// document returns the document of v, or nil if there is none. There can be
// several if the unique index could not be made: then the oldest whole one is it,
// for everybody.
func (s *Store) document(ctx context.Context, v module.Version) (*document, error) {
	all, err := s.documents(ctx, v)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	for i := range all {
		if !all[i].half() {
			return &all[i], nil
		}
	}
	return &all[0], nil
}

func (s *Store) documents(ctx context.Context, v module.Version) (all []document, err error) {
	ctx, cancel := s.within(ctx)
	defer cancel()
	c, err := s.docs.Find(ctx, byVersion(v), options.Find().SetSort(byID).SetLimit(16))
	if err != nil {
		return nil, err
	}
	err = c.All(ctx, &all)
	return all, err
}

var byID = bson.D{{Key: "_id", Value: 1}}
