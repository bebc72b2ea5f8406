package mongo

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// shared returns those of names that documents of more than one module have, of
// which one is in docs. Only documents of Athens are asked about: ours need no
// name.
func (s *Store) shared(ctx context.Context, docs []document, names map[string][]file) (map[string]bool, error) {
	var patterns bson.A
	seen := make(map[string]bool)
	for _, d := range docs {
		if !d.ZipFile.IsZero() || len(names[sharedName(d.of())]) == 0 || seen[d.Module] {
			continue
		}
		seen[d.Module] = true
		if p, ok := alike(d.Module); ok {
			patterns = append(patterns, bson.Regex{Pattern: p})
		}
	}
	first := make(map[string]string) // whose a name is
	shared := make(map[string]bool)
	for some := range slices.Chunk(patterns, 500) {
		others, err := s.entries(ctx, bson.D{{Key: "module", Value: bson.D{{Key: "$in", Value: some}}}}, 0)
		if err != nil {
			return nil, err
		}
		for _, d := range others {
			name := sharedName(d.of())
			if one, ok := first[name]; ok && one != d.Module {
				shared[name] = true
			}
			first[name] = d.Module
		}
	}
	return shared, nil
}

// alike returns a pattern of all paths that differ from path in / and _ only. There
// are no others if it has but one of them: no _ is in the first element of a path.
func alike(path string) (pattern string, ok bool) {
	host, rest, _ := strings.Cut(path, "/")
	if !strings.ContainsAny(rest, "/_") {
		return "", false
	}
	rest = regexp.QuoteMeta(rest)
	rest = strings.NewReplacer("/", "[/_]", "_", "[/_]").Replace(rest)
	return "^" + regexp.QuoteMeta(host) + "/" + rest + "$", true
}
