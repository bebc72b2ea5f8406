package mongo

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"

	"github.com/modtier/modtier/tiers"
)

// Versions lists the versions of path that have their zip: two questions, however
// many they are. That a zip of Athens is whole is taken for granted until it is
// looked at.
func (s *Store) Versions(ctx context.Context, path string) ([]string, error) {
	vs, err := s.versions(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("%s: versions of %s: %w", s.name, path, err)
	}
	return vs, nil
}

func (s *Store) versions(ctx context.Context, path string) ([]string, error) {
	var docs []document
	var files []file
	// All names of path's zips, and a few of others'.
	from := sharedName(module.Version{Path: path, Version: "v"})
	from = from[:len(from)-len(".zip")]
	to := from[:len(from)-1] + "w"
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		docs, err = s.entries(gctx, append(bson.D{{Key: "module", Value: path}}, filled...), 0)
		return err
	})
	g.Go(func() (err error) {
		files, err = s.find(gctx, bson.D{{Key: "filename", Value: bson.D{{Key: "$gte", Value: from}, {Key: "$lt", Value: to}}}})
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	docs, err := s.withZip(ctx, docs, files)
	if err != nil {
		return nil, err
	}
	vs := make(map[string]bool)
	for _, d := range docs {
		vs[d.Version] = true
	}
	return slices.Collect(maps.Keys(vs)), nil
}

// entries returns the documents that filter finds, without their contents, in the
// order of their _id: at most n, or all if n is 0. What names no version is left
// out, but counts.
func (s *Store) entries(ctx context.Context, filter bson.D, n int) (docs []document, err error) {
	ctx, cancel := s.within(ctx)
	defer cancel()
	projection := bson.D{{Key: "module", Value: 1}, {Key: "version", Value: 1}, {Key: "zip_file", Value: 1}}
	c, err := s.docs.Find(ctx, filter, options.Find().SetSort(byID).SetProjection(projection).SetLimit(int64(n)))
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	for c.Next(ctx) {
		var d document
		if c.Decode(&d) != nil {
			d = document{}
			d.ID, _ = c.Current.Lookup("_id").ObjectIDOK()
		}
		docs = append(docs, d)
	}
	return docs, c.Err()
}

func (d *document) of() module.Version { return module.Version{Path: d.Module, Version: d.Version} }

// withZip returns those of docs whose zip is among files.
func (s *Store) withZip(ctx context.Context, docs []document, files []file) (whole []document, err error) {
	ids := make(map[bson.ObjectID]bool)
	names := make(map[string][]file) // of Athens' files
	for _, f := range files {
		ids[f.ID] = true
		if !f.marked() {
			names[f.Name] = append(names[f.Name], f)
		}
	}
	shared, err := s.shared(ctx, docs, names)
	if err != nil {
		return nil, err
	}
	for _, d := range docs {
		if !tiers.Canonical(d.of()) {
			continue
		}
		if !d.ZipFile.IsZero() {
			if ids[d.ZipFile] && !s.torn(d.ZipFile) {
				whole = append(whole, d)
			}
			continue
		}
		ok, err := s.among(ctx, d.of(), names[sharedName(d.of())], shared)
		if err != nil {
			return nil, err
		}
		if ok {
			whole = append(whole, d)
		}
	}
	return whole, nil
}

// among reports whether one of the files of a name is that of v. They are looked
// into only if another module has the name too, or if somebody has looked before.
func (s *Store) among(ctx context.Context, v module.Version, fs []file, shared map[string]bool) (bool, error) {
	for _, f := range fs {
		dir, known := s.inside.Get(f.ID)
		if !known {
			if !shared[f.Name] {
				return true, nil
			}
			var err error
			if dir, err = s.look(ctx, &f); err != nil {
				return false, err
			}
		}
		if dir == directory(v) {
			return true, nil
		}
	}
	return false, nil
}
