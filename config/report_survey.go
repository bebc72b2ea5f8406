package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/viper"
)

// maxFile is the largest file that is surveyed, in bytes. One with every key,
// and a few lines of comment on each, is a tenth of it.
const maxFile = 256 << 10

// maxKeys and maxDepth bound what a file may hold, known or not: for an unknown
// key the nearest is looked for, and its path is written out.
const maxKeys, maxDepth = 2000, 20

// A Report says what becomes of each key, and who set it. Nothing that it
// writes or holds in exported fields is a secret.
type Report struct {
	File     string   // that was read, or "" for none
	Warnings []string // as Load has them, each in one line
	Err      error    // all that is wrong, as Load has it, each in one line; nil if nothing is

	loader  *loader
	config  *Config         // with the default where a value is wrong
	unknown []string        // keys of the file that the table lacks, as it spells them
	spoken  map[string]bool // the warnings of these
	empty   map[string]bool // keys of the file that are as if they were not there, by id
	at      func(id string) string
}

// Survey reads what [Load] reads and decides as Load does, but keeps how. Its
// error is of a file that cannot be read, or is not TOML; what is wrong with
// keys is in the report.
func Survey(o Options) (*Report, error) {
	l := newLoader()
	r := &Report{loader: l, at: func(string) string { return l.file }, spoken: make(map[string]bool), empty: make(map[string]bool)}
	if err := r.readFile(o.File); err != nil {
		return nil, err
	}
	l.readEnviron(o.Environ)
	l.readFlags(o)
	r.config = l.decode()
	l.check(r.config)
	r.File = l.file
	for _, w := range l.warnings {
		r.Warnings = append(r.Warnings, printable(w))
	}
	for _, err := range l.errs {
		r.Err = errors.Join(r.Err, errors.New(printable(err.Error())))
	}
	return r, nil
}

// newLoader returns a loader that knows the defaults.
func newLoader() *loader {
	l := &loader{
		values: viper.New(),
		fields: viper.New(),
		rows:   byID(),
		from:   make(map[string]string),
		wrong:  make(map[string]string),
		others: make(map[string]any),
	}
	for _, r := range table() {
		l.values.SetDefault(r.id(), r.def)
	}
	return l
}

// readFile is [loader.readFile] within bounds, for the file may be one that was
// never meant for this.
func (r *Report) readFile(path string) error {
	l := r.loader
	f, content, err := l.decodeFile(path, func(path string) ([]byte, error) { return readAtMost(path, maxFile) })
	if f == nil || err != nil {
		return err
	}
	if countKeys(content, maxDepth) > maxKeys {
		return fmt.Errorf("%s: want at most %d keys, in tables at most %d deep", l.file, maxKeys, maxDepth)
	}
	before := len(l.warnings)
	f.flatten("", content)
	for _, w := range l.warnings[before:] {
		r.spoken[w] = true
	}
	r.at = f.at
	for id, key := range f.spelled {
		_, known := l.rows[id]
		switch {
		case known:
			r.empty[id] = l.from[id] == ""
		case !isTable(id):
			r.unknown = append(r.unknown, key)
		}
	}
	slices.Sort(r.unknown)
	return l.values.MergeConfigMap(f.flat)
}

// readAtMost reads a file of at most limit bytes. A pipe, a directory or a
// device is not read: it need not have an end.
func readAtMost(path string, limit int64) ([]byte, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: want a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s: want at most %d bytes", path, limit)
	}
	return b, nil
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

// isTable reports whether keys of the table lie below id.
func isTable(id string) bool {
	return slices.ContainsFunc(table(), func(r row) bool { return strings.HasPrefix(r.id(), id+".") })
}
