package direct

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/modtier/modtier/tiers"
)

// Versions lists the versions of path that have a tag, retracted ones among them,
// as a proxy lists them. That there are none is no error.
func (f *Fetcher) Versions(ctx context.Context, path string) ([]string, error) {
	b, err := f.answer(ctx, path, "", question{
		args: []string{"list", "-m", "-e", "-json", "-versions", "-retracted", "--", path},
	}, func(_ *room, said *report) ([]byte, error) { return []byte(strings.Join(said.Versions, "\n")), nil })
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(strings.Fields(string(b)), func(v string) bool { return !semver.IsValid(v) }), nil
}

// Latest returns the info of the version that @latest means to the go command: no
// retracted one, and a commit of the default branch only if there is no other.
func (f *Fetcher) Latest(ctx context.Context, path string) ([]byte, error) {
	return f.Query(ctx, path, "latest")
}

// Query returns the info of the version that a branch, a commit or a prefix of a
// version means, without fetching its zip.
func (f *Fetcher) Query(ctx context.Context, path, query string) ([]byte, error) {
	if query == "" {
		return nil, &tiers.AbsentError{Text: "no version is asked for"}
	}
	return f.answer(ctx, path, query, question{
		wait: true,
		args: []string{"list", "-m", "-e", "-json", "--", path + "@" + query},
	}, func(r *room, said *report) ([]byte, error) {
		v := module.Version{Path: path, Version: said.Version}
		if err := module.Check(v.Path, v.Version); err != nil {
			return nil, lost(err)
		}
		info, err := r.read(v, ".info")
		if err != nil {
			return nil, lost(err)
		}
		return info, nil
	})
}

// answer asks what changes with time, so that nothing of it is kept.
func (f *Fetcher) answer(ctx context.Context, path, query string, q question, read func(*room, *report) ([]byte, error)) ([]byte, error) {
	if err := f.open(); err != nil {
		return nil, lost(err)
	}
	if err := check(path, query); err != nil {
		return nil, err
	}
	b, err := f.answers.do(ctx, f, path+"@"+query, func(ctx context.Context) (b []byte, err error) {
		q.path = path
		q.answer = func(r *room, said *report) (err error) {
			b, err = read(r, said)
			return err
		}
		err = f.ask(ctx, q)
		return b, err
	})
	return slices.Clone(b), err
}

const maxQuery = 256 // longer than a commit, and than a branch should be

// check refuses what the go command would not read as one module and one query:
// such a thing is nowhere. A path that is valid begins with no dash.
func check(path, query string) error {
	err := module.CheckPath(path)
	switch {
	case err != nil:
	case strings.Contains(path, "..."):
		err = fmt.Errorf("malformed module path %q: a pattern", path)
	case len(query) > maxQuery || strings.HasPrefix(query, "-") || strings.ContainsFunc(query, notInQuery):
		err = fmt.Errorf("invalid version %q", query)
	default:
		return nil
	}
	return &tiers.AbsentError{Text: err.Error()}
}

func notInQuery(r rune) bool {
	return !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar
}
