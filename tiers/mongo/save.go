package mongo

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// Save keeps the files of v as one: the zip first, and then the document that
// names it, whose key is unique. A document that is half of a version, or whose
// zip is lost, is replaced as a whole, so that all files are of one origin.
func (s *Store) Save(ctx context.Context, v module.Version, f tiers.Files) error {
	err := s.save(ctx, v, f)
	if err != nil {
		return fmt.Errorf("%s: save %s: %w", s.name, v, err)
	}
	return nil
}

func (s *Store) save(ctx context.Context, v module.Version, f tiers.Files) error {
	d, err := s.document(ctx, v)
	if err != nil {
		return err
	}
	switch {
	case f.Zip == nil && d != nil && len(d.Mod) > 0:
		s.compareMod(v, d, f)
		return nil
	case f.Zip == nil:
		return tiers.ErrWhole
	case len(f.Mod) == 0 || len(f.Info) == 0 || f.Zip.Size() == 0:
		return fmt.Errorf("%w: no file of a version is empty", tiers.ErrCorrupt)
	case f.Zip.Size() > maxZip:
		return fmt.Errorf("a zip of %d bytes: %w", f.Zip.Size(), tiers.ErrTooLarge)
	}
	stored, err := s.wholeZip(ctx, d)
	if err != nil {
		return err
	}
	if stored != nil {
		return s.compare(ctx, v, f, d, stored)
	}
	if err := s.ensureIndexes(ctx); err != nil {
		return err
	}
	zip, others, err := s.place(ctx, v, f)
	if err != nil {
		return err
	}
	won, err := s.publish(ctx, v, f, zip, d)
	if won {
		s.sweep(ctx, v, zip, others)
	}
	return err
}

// wholeZip returns the zip of a document if there is nothing left to heal.
func (s *Store) wholeZip(ctx context.Context, d *document) (*file, error) {
	if d == nil || d.half() {
		return nil, nil
	}
	// One after the other: a file that was looked for before its document was
	// there would be taken for lost.
	zip, err := s.zipOf(ctx, d)
	if err != nil || zip == nil {
		return nil, err
	}
	if ok, err := s.complete(ctx, zip); err != nil || !ok {
		return nil, err
	}
	return zip, nil
}

// place uploads the zip of v under the name by which Athens finds it, unless that
// would hide another module's. It looks again afterwards, since both may have
// been saved at once; then neither has the name. It returns what else goes by the
// names of v.
func (s *Store) place(ctx context.Context, v module.Version, f tiers.Files) (zip *file, others []file, err error) {
	others, err = s.find(ctx, byNames(v))
	if err != nil {
		return nil, nil, err
	}
	name := sharedName(v)
	hides, err := s.anothers(ctx, v, others)
	if err != nil {
		return nil, nil, err
	}
	if hides {
		name = ownName(v)
	}
	if zip, err = s.upload(ctx, v, name, f.Zip); err != nil {
		return nil, nil, err
	}
	if name == sharedName(v) {
		if others, err = s.find(ctx, byNames(v)); err == nil {
			hides, err = s.anothers(ctx, v, others)
		}
		if err == nil && hides {
			err = s.rename(ctx, zip, ownName(v))
		}
		if err != nil {
			s.discard(ctx, zip)
			return nil, nil, err
		}
	}
	return zip, others, nil
}

// anothers reports whether one of these files is the zip of another module. One
// that is torn is nobody's.
func (s *Store) anothers(ctx context.Context, v module.Version, fs []file) (bool, error) {
	for i, f := range fs {
		if f.marked() {
			if !f.markedFor(v) {
				return true, nil
			}
			continue
		}
		dir, err := s.look(ctx, &fs[i])
		if err != nil {
			return false, err
		}
		if dir != "" && dir != directory(v) {
			return true, nil
		}
	}
	return false, nil
}

func (s *Store) rename(ctx context.Context, f *file, name string) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	_, err := s.files.UpdateOne(ctx, bson.D{{Key: "_id", Value: f.ID}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "filename", Value: name}}}})
	f.Name = name
	return err
}

const stale = 24 * time.Hour

// sweep removes what saves of v that were cut off have left, once the last of
// them must have ended.
func (s *Store) sweep(ctx context.Context, v module.Version, zip *file, others []file) {
	for _, f := range others {
		if f.ID != zip.ID && f.markedFor(v) && time.Since(f.UploadDate) > stale {
			s.discard(ctx, &f)
		}
	}
}
