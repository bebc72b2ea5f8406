package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// maxPage is the largest page of the catalog.
const maxPage = 1000

// Catalog lists whole versions in the order of their documents' _id, which is that
// of their age but for a few. The token is the last one's, as for Athens. A page
// has fewer than n versions where documents are none.
func (s *Store) Catalog(ctx context.Context, token string, n int) (vs []module.Version, next string, err error) {
	vs, next, err = s.catalog(ctx, token, n)
	if err != nil {
		return nil, "", fmt.Errorf("%s: catalog: %w", s.name, err)
	}
	return vs, next, nil
}

func (s *Store) catalog(ctx context.Context, token string, n int) (vs []module.Version, next string, err error) {
	var last bson.ObjectID
	if token != "" {
		if last, err = bson.ObjectIDFromHex(token); err != nil || last.Hex() != token {
			return nil, "", fmt.Errorf("%w: %q", tiers.ErrToken, token)
		}
	}
	if n < 1 {
		return nil, "", fmt.Errorf("a page of %d versions", n)
	}
	n = min(n, maxPage)
	docs, err := s.entries(ctx, append(bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: last}}}}, filled...), n+1)
	if err != nil {
		return nil, "", err
	}
	if len(docs) > n {
		docs = docs[:n]
		next = docs[n-1].ID.Hex()
	}
	files, err := s.zips(ctx, docs)
	if err != nil {
		return nil, "", err
	}
	docs, err = s.withZip(ctx, docs, files)
	if err != nil {
		return nil, "", err
	}
	for _, d := range docs {
		vs = append(vs, d.of())
	}
	return vs, next, nil
}

// zips returns what may be the zips of documents.
func (s *Store) zips(ctx context.Context, docs []document) (files []file, err error) {
	ids, names := bson.A{}, bson.A{}
	for _, d := range docs {
		if d.ZipFile.IsZero() {
			names = append(names, sharedName(d.of()))
		} else {
			ids = append(ids, d.ZipFile)
		}
	}
	for _, q := range []struct {
		field string
		in    bson.A
	}{{"_id", ids}, {"filename", names}} {
		if len(q.in) == 0 {
			continue
		}
		fs, err := s.find(ctx, bson.D{{Key: q.field, Value: bson.D{{Key: "$in", Value: q.in}}}})
		if err != nil {
			return nil, err
		}
		files = append(files, fs...)
	}
	return files, nil
}
