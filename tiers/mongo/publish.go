package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// publish inserts the document that names zip in place of a broken one, if there
// is one, and reports whether it is ours that is there now. If another save was
// first, zip is removed, and nothing else.
func (s *Store) publish(ctx context.Context, v module.Version, f tiers.Files, zip *file, broken *document) (won bool, err error) {
	if broken != nil {
		if err := s.drop(ctx, broken); err != nil {
			s.discard(ctx, zip)
			return false, err
		}
	}
	ours := document{bson.NewObjectID(), v.Path, v.Version, f.Mod, f.Info, zip.ID}
	for range 10 { // each time, another has inserted or deleted one meanwhile
		err = s.insert(ctx, &ours)
		if err == nil {
			return true, nil
		}
		if !driver.IsDuplicateKeyError(err) {
			return s.settle(ctx, v, zip, err)
		}
		var theirs *document
		if theirs, err = s.document(ctx, v); err != nil {
			break
		}
		if theirs == nil {
			continue
		}
		if theirs.ZipFile == zip.ID {
			return true, nil // an insert that the driver sent twice
		}
		var stored *file
		if stored, err = s.wholeZip(ctx, theirs); err != nil {
			break
		}
		if stored != nil {
			s.discard(ctx, zip)
			return false, s.compare(ctx, v, f, theirs, stored)
		}
		if err = s.drop(ctx, theirs); err != nil {
			break
		}
	}
	s.discard(ctx, zip)
	return false, err
}

func (s *Store) insert(ctx context.Context, d *document) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	_, err := s.docs.InsertOne(ctx, d)
	return err
}

// drop removes a document that is no whole version, and the file that it names.
func (s *Store) drop(ctx context.Context, d *document) error {
	inner, cancel := s.within(ctx)
	defer cancel()
	// By its _id: one that another save has put in its place stays.
	r, err := s.docs.DeleteOne(inner, bson.D{{Key: "_id", Value: d.ID}})
	if err != nil || r.DeletedCount == 0 {
		return err
	}
	s.log.Warn("a version of which a part was lost is replaced", "tier", s.name, "module", d.Module, "version", d.Version)
	if !d.ZipFile.IsZero() {
		s.discard(ctx, &file{ID: d.ZipFile, Name: sharedName(module.Version{Path: d.Module, Version: d.Version})})
	}
	return nil
}

// settle ends a publication whose insert failed. The zip may go only if the server
// has refused the insert: it may also have done it, or do it yet, and only the
// answer is lost. Then the document is looked for, and a zip without one stays
// until sweep.
func (s *Store) settle(ctx context.Context, v module.Version, zip *file, err error) (won bool, _ error) {
	if refused(err) {
		s.discard(ctx, zip)
		return false, err
	}
	after, cancel := s.after(ctx)
	defer cancel()
	if d, derr := s.document(after, v); derr == nil && d != nil && d.ZipFile == zip.ID {
		return true, nil
	}
	return false, err
}

// refused reports whether err is a server's word that it has not inserted.
func refused(err error) bool {
	if e, ok := errors.AsType[driver.WriteException](err); ok {
		return len(e.WriteErrors) > 0
	}
	e, ok := errors.AsType[driver.CommandError](err)
	return ok && e.Code != 0 && !e.HasErrorLabel("NetworkError") && !e.HasErrorLabel("RetryableWriteError")
}
