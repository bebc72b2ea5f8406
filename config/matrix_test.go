package config

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The file of Athens' keys, as its documents have them.
const athensFile = "testdata/athens.toml"

func TestMatrixHasAllOfAthens(t *testing.T) {
	// The defaults that differ, and why.
	deliberate := map[string]string{
		"GoBinaryEnvVars": "upstream is what the go command's settings say, unless told",
		"LogLevel":        "a line for each step is for those who ask",
		"NetworkMode":     "unset is a mode of its own",
		"ProtocolWorkers": "what is held does not count here",
		"SumDBs":          "the go command knows the public one",
	}
	rows := byID()
	for _, a := range athensKeys() {
		r, ok := rows[strings.ToLower(a.key)]
		if !ok || r.key != a.key {
			t.Errorf("%s: not in the table", a.key)
			continue
		}
		// Athens' loader puts its prefix and the tables before the name that
		// a key is given, asks for that first, and tells nobody.
		tables := strings.Split(strings.ToUpper(a.key), ".")
		tables[len(tables)-1] = strings.Fields(a.vars)[0]
		long := "ATHENS_" + strings.Join(tables, "_")
		if want := append([]string{long}, strings.Fields(a.vars)...); !slices.Equal(r.vars(), want) {
			t.Errorf("%s: got %q, want %q", a.key, r.vars(), want)
		}
		if r.def != a.def && deliberate[a.key] == "" && r.as != aside {
			t.Errorf("%s: the default is %q, want %q", a.key, r.def, a.def)
		}
		delete(rows, r.id())
	}
	for _, key := range athensIgnores() {
		delete(rows, strings.ToLower(key))
	}
	for _, r := range rows {
		if !r.ours() {
			t.Errorf("%s: Athens has no such key", r.key)
		}
	}
}

func TestMatrixOfWhatHasNoEffect(t *testing.T) {
	for _, row := range table() {
		if row.as != aside {
			continue
		}
		t.Run(row.key, func(t *testing.T) {
			file := write(t, toml(row.key, `"f"`))
			load(t, Options{File: file})
			for _, name := range row.vars() {
				load(t, Options{File: write(t, ""), Environ: []string{name + "=e"}})
				load(t, Options{File: file, Environ: []string{name + "=e"}})
			}
		})
	}
}

// Athens lets an empty variable lift what its file restricts. Nobody means that.
func TestMatrixOfRestrictions(t *testing.T) {
	for _, s := range slices.Concat(samples(t), storeSamples(t), lockSamples(t)) {
		row := byID()[strings.ToLower(s.key)]
		if !row.guards {
			continue
		}
		file := write(t, toml(s.key, s.literal))
		for _, name := range row.vars() {
			t.Run(s.key+" stays though "+name+" is empty", func(t *testing.T) {
				r := survey(t, Options{File: file, Environ: append([]string{name + "="}, s.also...)})
				if got := r.field(s.key).Interface(); r.Err != nil || !reflect.DeepEqual(got, s.fromFile) {
					t.Errorf("got %v, %v; want %v", got, r.Err, s.fromFile)
				}
				if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], name+" is set but empty") {
					t.Errorf("got warnings %q, want one", r.Warnings)
				}
			})
		}
	}
}

func TestAthensSampleFile(t *testing.T) {
	b, err := os.ReadFile(athensFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("has every key", func(t *testing.T) {
		r := survey(t, Options{File: athensFile})
		for _, a := range athensKeys() {
			if lines(b)[strings.ToLower(a.key)] == 0 && !strings.HasSuffix(a.key, ".Params") {
				t.Errorf("%s is missing", a.key)
			}
		}
		if len(r.unknown) > 0 {
			t.Errorf("%q are unknown", r.unknown)
		}
	})
	quiet := func(t *testing.T, o Options) {
		t.Helper()
		o.File = athensFile
		r := survey(t, o)
		if r.Err != nil {
			t.Errorf("got %v", r.Err)
		}
		for _, e := range r.Entries() {
			warned := e.Verdict == Ignored || e.Verdict == Honoured && e.Why != ""
			if warned && !slices.Contains(athensIgnores(), e.Key) || e.Verdict == Refused || e.Verdict == Unknown {
				t.Errorf("got %+v", e)
			}
		}
		if len(r.Warnings) > 0 {
			t.Errorf("got warnings %q", r.Warnings)
		}
	}
	t.Run("loads without a word", func(t *testing.T) {
		quiet(t, Options{})
	})
	t.Run("loads with each store, its placeholders overridden", func(t *testing.T) {
		for _, name := range slices.Sorted(maps.Keys(complete())) {
			quiet(t, Options{Environ: append(strings.Fields(complete()[name]), "ATHENS_STORAGE_TYPE="+name)})
		}
		quiet(t, Options{Environ: []string{"ATHENS_STORAGE_TYPE=disk", "ATHENS_DISK_STORAGE_ROOT=" + t.TempDir()}})
	})
	t.Run("loads with each kind of locks", func(t *testing.T) {
		for _, name := range []string{"etcd", "redis", "redis-sentinel", "gcp"} {
			quiet(t, Options{Environ: append(strings.Fields(complete()["gcp"]), "ATHENS_STORAGE_TYPE=gcp", "ATHENS_SINGLE_FLIGHT_TYPE="+name)})
		}
		quiet(t, Options{Environ: append(strings.Fields(complete()["azureblob"]), "ATHENS_STORAGE_TYPE=azureblob", "ATHENS_SINGLE_FLIGHT_TYPE=azureblob")})
	})
	t.Run("a switch that Athens ignores, and takes away protection, is a warning", func(t *testing.T) {
		file := write(t, strings.Replace(string(b), "Insecure = false", "Insecure = true", 1))
		r := survey(t, Options{File: file, Environ: []string{"ATHENS_STORAGE_TYPE=mongo"}})
		if r.Err != nil || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "Storage.Mongo.Insecure") {
			t.Errorf("got %q, %v; want a warning", r.Warnings, r.Err)
		}
	})
}
