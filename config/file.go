package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/viper"

	"github.com/modtier/modtier/internal/smallfile"
)

// maxFile is the largest file that is read, in bytes. One with every key,
// and a few lines of comment on each, is a tenth of it.
const maxFile = 256 << 10

// maxKeys and maxDepth bound what a file may hold, known or not: for an unknown
// key the nearest is looked for, and its path is written out.
const maxKeys, maxDepth = 2000, 20

// readFile reads the configuration file, if there is one. Its error is about
// the file as a whole; what is wrong with a key is recorded.
func (l *loader) readFile(path string) error {
	f, content, err := l.decodeFile(path)
	if f == nil || err != nil {
		return err
	}
	f.flatten("", content)
	return l.values.MergeConfigMap(f.flat)
}

// decodeFile decodes the file at path, or the one that is looked for. If there is
// none, f is nil.
func (l *loader) decodeFile(path string) (f *fileReader, content map[string]any, err error) {
	if path == "" {
		if path, err = l.find("modtier.toml", "athens.toml"); err != nil || path == "" {
			return nil, nil, err
		}
	}
	b, err := smallfile.Read(path, maxFile)
	if err != nil {
		return nil, nil, fmt.Errorf("configuration: %w", err)
	}
	l.file = path
	toml, err := viper.NewCodecRegistry().Decoder("toml")
	if err != nil {
		return nil, nil, fmt.Errorf("configuration: %w", err)
	}
	content = make(map[string]any)
	if err := toml.Decode(b, content); err != nil {
		return nil, nil, l.syntax(err)
	}
	if countKeys(content, maxDepth) > maxKeys {
		return nil, nil, fmt.Errorf("%s: want at most %d keys, in tables at most %d deep", path, maxKeys, maxDepth)
	}
	return &fileReader{loader: l, lines: lines(b), spelled: make(map[string]string), flat: make(map[string]any)}, content, nil
}

// countKeys counts the keys of a table and of those in it. Tables deeper than
// depth are too many, and a name that fills a page counts for several.
func countKeys(t map[string]any, depth int) int {
	if depth == 0 {
		return maxKeys + 1
	}
	n := 0
	for name, value := range t {
		n += 1 + len(name)/64
		if inner, ok := value.(map[string]any); ok {
			n += countKeys(inner, depth-1)
		}
	}
	return n
}

// find returns the first of names that exists in the current directory, or "".
func (l *loader) find(names ...string) (string, error) {
	found := ""
	for _, name := range names {
		switch _, err := os.Stat(name); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", fmt.Errorf("configuration: %w", err)
		case found != "":
			l.warnings = append(l.warnings, name+": not read, for there is "+found)
		default:
			found = name
		}
	}
	return found, nil
}

// syntax says where a file is not TOML, and why. The reason quotes no value but
// a number that is none, and that may be a secret without its quotes.
func (l *loader) syntax(err error) error {
	why, _, _ := strings.Cut(err.Error(), ": strconv.")
	var at interface{ Position() (line, column int) }
	if !errors.As(err, &at) {
		return fmt.Errorf("%s: not TOML: %s", l.file, why)
	}
	line, column := at.Position()
	return fmt.Errorf("%s:%d:%d: not TOML: %s", l.file, line, column, why)
}

// A fileReader finds the keys of the table in a file.
type fileReader struct {
	*loader
	lines   map[string]int    // by id
	spelled map[string]string // by id, the keys seen so far
	flat    map[string]any    // by id, what the file sets
}

// flatten adds the keys of t, a table at path, to flat. Viper by itself would
// keep one of two tables that differ in case, and by chance.
func (f *fileReader) flatten(path string, t map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		key := path + name
		id := strings.ToLower(key)
		r, known := f.rows[id]
		if inner, ok := t[name].(map[string]any); ok && !known {
			f.flatten(key+".", inner)
			continue
		}
		from := f.at(id)
		if first, ok := f.spelled[id]; ok {
			f.errs = append(f.errs, fmt.Errorf("%s: %s: here twice, also as %s; want it once", from, key, first))
			continue
		}
		f.spelled[id] = key
		_, isText := t[name].(string)
		switch {
		case !known:
			f.unknownKey(key, from)
		case t[name] == "" && !r.blank: // as in the environment
		case r.nofile && isText:
			f.from[id], f.others[id] = from, t[name]
		default:
			f.from[id], f.flat[id] = from, t[name]
		}
	}
}

// at names the file, and the line of a key if it is easily found.
func (f *fileReader) at(id string) string {
	if n := f.lines[id]; n > 0 {
		return fmt.Sprintf("%s:%d", f.file, n)
	}
	return f.file
}

// lines finds the line of each key, by id. It takes one line at a time and
// knows nothing of texts over several, so it is good for messages only.
func lines(b []byte) map[string]int {
	plain := strings.NewReplacer(" ", "", "\t", "", `"`, "", "'", "")
	found := make(map[string]int)
	table := ""
	for i, line := range strings.Split(strings.ToLower(string(b)), "\n") {
		line = strings.TrimSpace(line)
		if header, ok := strings.CutPrefix(line, "["); ok {
			header, _, _ = strings.Cut(header, "]")
			table = plain.Replace(header) + "."
			continue
		}
		name, _, ok := strings.Cut(line, "=")
		if id := table + plain.Replace(name); ok && found[id] == 0 {
			found[id] = i + 1
		}
	}
	return found
}
