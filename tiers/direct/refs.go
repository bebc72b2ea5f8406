package direct

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	keptRefs = "refs/kept/"
	manyRefs = 100
)

// keptName is the name under which what name meant stays reachable. It is as long
// for each, so that none is a directory of another.
func keptName(name string) string { return fmt.Sprintf("%s%x", keptRefs, sha256.Sum256([]byte(name))) }

// renameRefs gives all refs of a clone names that nobody asks for.
func (f *Fetcher) renameRefs(ctx context.Context, r *room, dir string) error {
	// The type is asked for to see whether the objects are there.
	out, err := f.git(ctx, r, dir, nil, "for-each-ref", "--format=%(objecttype) %(objectname) %(refname)")
	if err != nil {
		return err
	}
	var moves bytes.Buffer
	n := 0
	for line := range strings.Lines(string(out)) {
		ref := strings.Fields(line)
		if len(ref) == 3 && !strings.HasPrefix(ref[2], keptRefs) {
			fmt.Fprintf(&moves, "update %s %s\ndelete %s\n", keptName(ref[2]), ref[1], ref[2])
			n++
		}
	}
	if n > manyRefs {
		done, err := f.renamePacked(ctx, r, dir)
		if done || err != nil {
			return err
		}
	}
	if n > 0 {
		_, err = f.git(ctx, r, dir, &moves, "update-ref", "--no-deref", "--stdin")
	}
	return err
}

// renamePacked does it in the one file that git keeps many refs in (see
// gitrepository-layout(5)): to rename thousands takes git thousands of files. It
// returns false if this repository keeps them otherwise.
func (f *Fetcher) renamePacked(ctx context.Context, r *room, dir string) (done bool, err error) {
	if _, err := os.Stat(filepath.Join(dir, "reftable")); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if _, err := f.git(ctx, r, dir, nil, "pack-refs", "--all"); err != nil {
		return false, err
	}
	name := filepath.Join(dir, "packed-refs")
	b, err := os.ReadFile(name)
	if err != nil {
		return false, err
	}
	refs, kept := map[string]string{}, map[string]string{}
	for line := range strings.Lines(string(b)) {
		ref := strings.Fields(line)
		switch {
		case len(ref) != 2 || strings.HasPrefix(line, "#"): // the head, or what a tag points to
		case strings.HasPrefix(ref[1], keptRefs):
			kept[ref[1]] = ref[0]
		default:
			refs[keptName(ref[1])] = ref[0]
		}
	}
	maps.Copy(kept, refs) // the newer ones win
	var out strings.Builder
	out.WriteString("# pack-refs with: sorted \n")
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		fmt.Fprintf(&out, "%s %s\n", kept[name], name)
	}
	if err := os.WriteFile(name+".new", []byte(out.String()), 0o600); err != nil {
		return false, err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return false, err
	}
	left, err := f.git(ctx, r, dir, nil, "for-each-ref", "--count=1", "refs/tags", "refs/heads")
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("a ref keeps its name: %s", left)
	}
	return true, err
}
