package config

import (
	"fmt"
	"io"
	"math/bits"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// WriteTOML writes the configuration as a file that [Load] takes, with who set
// each key behind it. What cannot stand there is a comment: secrets, which are
// set or not set; keys that are not set, or have no effect, or none in a file; values
// that are wrong. A derived value is not set, and follows from other keys or the system.
func (r *Report) WriteTOML(w io.Writer) error {
	var tables []string // in order
	rows := make(map[string][]row)
	for _, row := range table() {
		path, _ := cutName(row.key)
		if rows[path] == nil {
			tables = append(tables, path)
		}
		rows[path] = append(rows[path], row)
	}
	fmt.Fprint(w, "# What modtier makes of its configuration; behind each key, who set it.\n",
		"# Secrets are not shown: to start from this file, give them by their variables.\n")
	for _, path := range tables {
		var b strings.Builder
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, row := range rows[path] {
			line, who := r.line(row)
			if who != "" {
				line += "\t# " + printable(who)
			}
			if line != "" {
				fmt.Fprintln(t, line)
			}
		}
		t.Flush() // to memory
		if b.Len() == 0 {
			continue
		}
		header := "\n"
		if path != "" {
			header = "\n[" + path + "]\n"
		}
		if _, err := io.WriteString(w, header+b.String()); err != nil {
			return err
		}
	}
	return nil
}

// cutName cuts a key behind its tables.
func cutName(key string) (path, name string) {
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		return key[:i], key[i+1:]
	}
	return "", key
}

// line says what a key holds and who set it. It is "" for one that is not worth
// a line.
func (r *Report) line(row row) (text, who string) {
	id := row.id()
	_, name := cutName(row.key)
	from := r.loader.from[id]
	switch {
	case row.as == other && from != "":
		return "# " + name + " is set, for another key", from
	case row.as != honoured && from != "":
		return "# " + name + " has no effect", from
	case row.as != honoured:
		return "", ""
	case r.loader.ignored[id]:
		return "# " + name + " has no effect", from
	case r.loader.wrong[id] != "":
		return "# " + name + " has a value that is wrong, and left out", from
	}
	value := r.field(row.key)
	who = from
	if from == "" {
		who = "default"
		if !value.IsZero() && !r.isDefault(row, value.Interface()) {
			who = "derived"
		}
	}
	switch {
	case from == "" && value.IsZero() && row.def == "":
		return "# " + name + " is not set", ""
	case row.hides(value.Interface()):
		return "# " + name + " is set", who
	}
	shown, cut := withoutCredentials(value.Interface())
	text = name + " = " + literal(shown, row.ours())
	if cut || row.nofile {
		text = "# " + text
	}
	return text, who
}

// field returns the field of a key.
func (r *Report) field(key string) reflect.Value { return fieldOf(r.config, key) }

func fieldOf(c *Config, key string) reflect.Value {
	v := reflect.ValueOf(c).Elem()
	for name := range strings.SplitSeq(key, ".") {
		v = v.FieldByName(name)
	}
	return v
}

func (r *Report) isDefault(row row, value any) bool {
	def, err := row.kind(row.def)
	return row.def != "" && err == nil && reflect.DeepEqual(def, value)
}

// withoutCredentials takes from a text, or a list, what may be credentials in a
// URL. A name with an @, as of a user, is none.
func withoutCredentials(value any) (shown any, cut bool) {
	switch v := value.(type) {
	case string:
		i := strings.LastIndexByte(v, '@')
		if i < 0 || !strings.Contains(v[:i], ":") {
			return v, false
		}
		return "***" + v[i:], true
	case []string:
		items := make([]string, len(v))
		for i, item := range v {
			s, c := withoutCredentials(item)
			items[i], cut = s.(string), cut || c
		}
		return items, cut
	}
	return value, false
}

// literal writes a value in TOML. Ours have units; Athens has seconds.
func literal(value any, ours bool) string {
	switch v := value.(type) {
	case string:
		return quote(v)
	case []string:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = quote(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case time.Duration:
		if !ours && v%time.Second == 0 {
			return strconv.FormatInt(int64(v/time.Second), 10)
		}
		return quote(durationText(v))
	case int64:
		unit := min(bits.TrailingZeros64(uint64(v))/10, 4)
		if v == 0 || unit == 0 {
			return strconv.FormatInt(v, 10)
		}
		return quote(strconv.FormatInt(v>>(10*unit), 10) + []string{"", "KiB", "MiB", "GiB", "TiB"}[unit])
	}
	return fmt.Sprint(value)
}

// durationText is 1h, where its String is 1h0m0s.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// quote writes a TOML string. Go's escapes are others.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case unicode.IsPrint(c):
			b.WriteRune(c)
		default:
			fmt.Fprintf(&b, `\U%08X`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
