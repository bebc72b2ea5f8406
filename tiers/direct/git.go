package direct

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// gitConfig is that of the commands: the user's, with what must hold around it.
func (f *Fetcher) gitConfig() string {
	var b strings.Builder
	// A server that is silent for two minutes will say nothing more; git alone
	// would wait for as long as there is a connection.
	b.WriteString("[http]\n\tlowSpeedLimit = 1\n\tlowSpeedTime = 120\n")
	for _, name := range f.userConfigs() {
		fmt.Fprintf(&b, "[include]\n\tpath = \"%s\"\n", strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name))
	}
	// No process goes on in the background, where it would not be killed, and no
	// fetch makes a file of each object.
	b.WriteString("[gc]\n\tauto = 0\n\tautoDetach = false\n[maintenance]\n\tauto = false\n\tautoDetach = false\n" +
		"[fetch]\n\tunpackLimit = 1\n[transfer]\n\tunpackLimit = 1\n")
	return b.String()
}

// userConfigs are the files where git would look for the user's settings.
func (f *Fetcher) userConfigs() (names []string) {
	for _, global := range []string{f.env("GIT_CONFIG_GLOBAL"), os.Getenv("GIT_CONFIG_GLOBAL")} {
		if global != "" {
			return []string{global}
		}
	}
	home, _ := os.UserHomeDir() // none: nothing is there
	if xdg := os.Getenv("XDG_CONFIG_HOME"); xdg != "" {
		names = append(names, filepath.Join(xdg, "git", "config"))
	} else if home != "" {
		names = append(names, filepath.Join(home, ".config", "git", "config"))
	}
	if home != "" {
		names = append(names, filepath.Join(home, ".gitconfig"))
	}
	return names
}

const (
	fewPacks = 16 // more are joined
	maxPacks = 256
)

// putAway makes a clone one that has objects and no names: what a tag or a branch
// meant when it was fetched is no answer to what it means now, and the go command
// takes a tag of its clone for granted. The objects stay reachable under names that
// nobody asks for, so that the next fetch brings what is new only.
func (f *Fetcher) putAway(ctx context.Context, r *room, dir string) error {
	if err := sweep(dir); err != nil {
		return err
	}
	if err := f.renameRefs(ctx, r, dir); err != nil {
		return err
	}
	packs, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
	switch {
	case err != nil || len(packs) > maxPacks:
		return fmt.Errorf("%d packs are too many", len(packs))
	case len(packs) > fewPacks:
		if _, err := f.git(ctx, r, dir, nil, "repack", "--geometric=2", "-d", "-q"); err != nil {
			f.log.Debug("direct: the packs of a clone were not joined", "err", err)
		}
	}
	return nil
}

// sweep removes what a git that was killed holds and half has.
func sweep(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if !d.IsDir() && (strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "tmp_") ||
			strings.HasSuffix(name, ".keep") && filepath.Base(filepath.Dir(path)) == "pack") {
			return os.Remove(path)
		}
		return nil
	})
}
