package config

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/viper"
)

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
	r.Err = l.problems()
	return r, nil
}

// Config returns what [Load] returns, if Err is nil. It holds secrets.
func (r *Report) Config() *Config { return r.config }

// Refuse adds to r that err is wrong with a key, as who reads what its value names has
// found.
func (r *Report) Refuse(key string, err error) {
	r.loader.fail(strings.ToLower(key), err.Error())
	r.Err = r.loader.problems()
}

// problems joins what is wrong, each in one line.
func (l *loader) problems() (all error) {
	for _, err := range l.errs {
		all = errors.Join(all, errors.New(printable(err.Error())))
	}
	return all
}

// newLoader returns a loader that knows the defaults.
func newLoader() *loader {
	l := &loader{
		values:  viper.New(),
		fields:  viper.New(),
		rows:    byID(),
		from:    make(map[string]string),
		wrong:   make(map[string]string),
		others:  make(map[string]any),
		ignored: make(map[string]bool),
	}
	for _, r := range table() {
		l.values.SetDefault(r.id(), r.def)
	}
	return l
}

// readFile is [loader.readFile], and keeps what was in the file.
func (r *Report) readFile(path string) error {
	l := r.loader
	f, content, err := l.decodeFile(path)
	if f == nil || err != nil {
		return err
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

// isTable reports whether keys of the table lie below id.
func isTable(id string) bool {
	return slices.ContainsFunc(table(), func(r row) bool { return strings.HasPrefix(r.id(), id+".") })
}
