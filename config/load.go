package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/viper"
)

// Options say where to read from.
type Options struct {
	// File is the configuration file, which must exist. If it is "", it is
	// modtier.toml or else athens.toml in the current directory, and without
	// these there is no file.
	File string

	// Listen and Upstream are what flags say of Port and Tiers.Upstream; they
	// win over environment and file, and Listen over UnixSocket too. "" is a
	// flag that is not set.
	Listen, Upstream string

	// Environ is the environment, as os.Environ gives it. If it is nil, no
	// variable is set.
	Environ []string
}

// Load reads the configuration: the defaults, over them the file, over it the
// environment, over it the flags. The warnings, sentences for the log, and the
// error, which joins all that is wrong, hold no secrets. There may be warnings
// beside an error.
func Load(o Options) (*Config, []string, error) {
	l := newLoader()
	if err := l.readFile(o.File); err != nil {
		return nil, l.warnings, err
	}
	l.readEnviron(o.Environ)
	l.readFlags(o)

	c := l.decode()
	l.check(c)
	if len(l.errs) > 0 {
		return nil, l.warnings, errors.Join(l.errs...)
	}
	return c, l.warnings, nil
}

// A loader gathers what the sources say.
type loader struct {
	values   *viper.Viper      // as the sources have them
	fields   *viper.Viper      // as the Config has them
	rows     map[string]row    // the table, by id
	file     string            // "" without a file
	from     map[string]string // who set a key, by id; "" for nobody
	wrong    map[string]string // why the value of a key is wrong, by id
	others   map[string]any    // the values of other names, by id
	ignored  map[string]bool   // the keys, by id, that were set for nothing
	warnings []string
	errs     []error
}

// set is for a source that wins over the file.
func (l *loader) set(id, value, from string) {
	l.values.Set(id, value)
	l.from[id] = from
}

// readEnviron reads the variables. Viper could only read those of the process.
func (l *loader) readEnviron(environ []string) {
	env := make(map[string]string)
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if _, ok := env[name]; !ok { // of two, os.Getenv takes the first
			env[name] = value
		}
	}
	for _, r := range table() {
		l.readVars(r, env)
	}
	l.unknownVars(env)
}

// readVars sets r to the first of its variables that is set. An empty variable
// counts as unset, but where Athens lets it clear a list or a path. Athens lets
// it lift a restriction too; we do not, and say so.
func (l *loader) readVars(r row, env map[string]string) {
	empty := ""
	for _, name := range r.vars() {
		value, ok := env[name]
		if value != "" || ok && r.blank {
			l.set(r.id(), value, name)
			return
		}
		if ok {
			empty = name
		}
	}
	if empty != "" && r.guards && l.from[r.id()] != "" {
		l.warn(r.id(), "stays, though "+empty+" is set but empty; to lift it, take it out of the file")
	}
}

func (l *loader) readFlags(o Options) {
	if o.Listen != "" {
		l.set("port", o.Listen, "--listen")
		l.set("unixsocket", "", "--listen")
	}
	if o.Upstream != "" {
		l.set("tiers.upstream", o.Upstream, "--upstream")
	}
}

// decode makes fields of values. Where that fails the default stands in, so
// that later checks do not complain of the same thing again. Whether it matters
// for the key of a store or of locks, [loader.checkStores] and
// [loader.checkLocks] know.
func (l *loader) decode() *Config {
	for _, r := range table() {
		id := r.id()
		if r.as == aside {
			continue
		}
		if l.from[id] != "" {
			value, err := r.kind(l.values.Get(id))
			if err == nil {
				l.keep(r, value)
				continue
			}
			l.wrong[id] = err.Error()
			if r.store() == "" && r.locker() == "" {
				l.fail(id, err.Error())
			}
		}
		if r.def == "" {
			continue
		}
		value, err := r.kind(r.def)
		if err != nil {
			l.errs = append(l.errs, fmt.Errorf("default of %s: %w", r.key, err))
			continue
		}
		l.keep(r, value)
	}
	c := new(Config)
	if err := l.fields.UnmarshalExact(c); err != nil {
		l.errs = append(l.errs, fmt.Errorf("the table of keys and Config disagree: %w", err))
	}
	return c
}

func (l *loader) keep(r row, value any) {
	if r.as == other {
		l.others[r.id()] = value
		return
	}
	l.fields.Set(r.id(), value)
}
