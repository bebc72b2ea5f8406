package config

import (
	"fmt"
	"io"
	"strings"
)

// A Key describes one key to people.
type Key struct {
	Name    string   // as in the file, tables first: "Tiers.Disk.Size"
	Env     []string // environment variables, the first that is set wins
	Default string   // as it would be written in the environment, or ""
	Doc     string   // one sentence of Markdown
}

// Keys lists the keys that this version honours. Those of Athens have one more
// variable that wins over the listed ones, for Athens has it: ATHENS_, the
// tables, and the first listed name, as in ATHENS_STORAGE_DISK_ATHENS_DISK_STORAGE_ROOT.
func Keys() []Key {
	var keys []Key
	for _, r := range table() {
		if r.as == honoured {
			keys = append(keys, Key{Name: r.key, Env: r.listed(), Default: r.def, Doc: r.doc})
		}
	}
	return keys
}

// WriteTable writes [Keys] as a table in Markdown.
func WriteTable(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| Key | Variable | Default | Meaning |\n| --- | --- | --- | --- |\n")
	for _, k := range Keys() {
		def := ""
		if k.Default != "" {
			def = "`" + k.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", k.Name, strings.Join(k.Env, "`, `"), def, k.Doc)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// id is r's name where case does not matter.
func (r row) id() string { return strings.ToLower(r.key) }

// ours reports whether r is a key that Athens does not have.
func (r row) ours() bool { return strings.HasPrefix(r.key, "Tiers.") }

// hides reports whether a value of r is not to be shown. That of DownloadMode is a
// secret only if it is a whole file.
func (r row) hides(value any) bool {
	mode, ok := value.(string)
	return r.secret && !(r.key == "DownloadMode" && ok && !strings.HasPrefix(mode, "custom:"))
}

// listed returns the variables that people are told of.
func (r row) listed() []string {
	if r.ours() {
		return []string{ourPrefix + variable(strings.TrimPrefix(r.key, "Tiers."))}
	}
	return strings.Fields(r.env)
}

// vars returns the variables that set r, the first that is set wins.
func (r row) vars() []string {
	names := r.listed()
	if r.ours() || len(names) == 0 {
		return names
	}
	long := "ATHENS_" + names[0]
	if i := strings.LastIndexByte(r.key, '.'); i >= 0 {
		long = "ATHENS_" + variable(r.key[:i]) + "_" + names[0]
	}
	return append([]string{long}, names...)
}

const ourPrefix = "MODTIER_"

// variable turns a key into the name of a variable.
func variable(key string) string {
	return strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// byID returns the table by id.
func byID() map[string]row {
	rows := make(map[string]row)
	for _, r := range table() {
		rows[r.id()] = r
	}
	return rows
}
