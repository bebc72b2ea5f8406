package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	t.Run("every field has a key and every key a field", func(t *testing.T) {
		keys := make(map[string]bool)
		for _, k := range Keys() {
			keys[k.Name] = true
			field(t, new(Config), k.Name)
		}
		for _, name := range fields("", reflect.TypeFor[Config]()) {
			if !keys[name] {
				t.Errorf("field %s has no key", name)
			}
		}
	})
	t.Run("every default is right", func(t *testing.T) {
		for _, r := range table() {
			if r.as == honoured && r.def != "" {
				if _, err := r.kind(r.def); err != nil {
					t.Errorf("%s: %v", r.key, err)
				}
			}
		}
	})
	t.Run("every key is there once", func(t *testing.T) {
		if got, want := len(byID()), len(table()); got != want {
			t.Errorf("got %d keys in %d rows", got, want)
		}
	})
	t.Run("every honoured key is explained in a sentence", func(t *testing.T) {
		for _, k := range Keys() {
			if len(k.Env) == 0 || !strings.HasSuffix(k.Doc, ".") || strings.ContainsAny(k.Doc, "|\n") {
				t.Errorf("%+v", k)
			}
		}
	})
	t.Run("a variable of ours sets one key", func(t *testing.T) {
		seen := make(map[string]string)
		for _, r := range table() {
			for _, name := range r.vars() {
				shared := strings.HasPrefix(r.key, "SingleFlight.RedisSentinel.") // by Athens
				if first := seen[name]; first != "" && r.as == honoured && !shared {
					t.Errorf("%s sets %s and %s", name, first, r.key)
				}
				seen[name] = r.key
			}
		}
	})
}

// fields lists the fields of a struct that are no structs, as keys.
func fields(path string, t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		if f.Type.Kind() == reflect.Struct {
			names = append(names, fields(path+f.Name+".", f.Type)...)
			continue
		}
		names = append(names, path+f.Name)
	}
	return names
}

func TestWriteTable(t *testing.T) {
	var b strings.Builder
	if err := WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(b.String()), "\n")
	if got, want := len(rows), len(Keys())+2; got != want {
		t.Errorf("got %d lines, want %d", got, want)
	}
	for _, want := range []string{
		"| Key | Variable | Default | Meaning |",
		"| `Port` | `ATHENS_PORT`, `PORT` | `:3000` | Where to listen: `3000`, `:3000` or `host:3000`. |",
		"| `Tiers.Memory.Size` | `MODTIER_MEMORY_SIZE` | `256MiB` | The most bytes to keep in memory. |",
		"| `Tiers.Upstream` | `MODTIER_UPSTREAM` |  | Where misses go, as in `GOPROXY`. |",
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "Index.MySQL") {
		t.Error("a key that is not honoured is in the table")
	}
}
