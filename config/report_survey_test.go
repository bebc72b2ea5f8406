package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// survey reports on sources that can be read.
func survey(t *testing.T, o Options) *Report {
	t.Helper()
	r, err := Survey(o)
	if err != nil {
		t.Fatalf("Survey: %v", err)
	}
	return r
}

// everySample returns the options of each sample: its file alone, and its file
// below each variable.
func everySample(t *testing.T) map[string]Options {
	all := make(map[string]Options)
	for _, s := range slices.Concat(samples(t), storeSamples(t), lockSamples(t)) {
		file := write(t, toml(s.key, s.literal))
		all[s.key+" by the file"] = Options{File: file, Environ: s.also}
		for name := range strings.FieldsSeq(s.vars) {
			all[s.key+" by "+name] = Options{File: file, Environ: append([]string{name + "=" + s.value}, s.also...)}
		}
	}
	for name, vars := range complete() {
		all["the store "+name] = Options{File: write(t, ""), Environ: append(strings.Fields(vars), "ATHENS_STORAGE_TYPE="+name)}
		all["the store "+name+", of which all is missing"] = Options{File: write(t, "[Tiers]\nStack = [\"disk\", \""+name+"\"]\n")}
	}
	all["all stores and locks in one"] = Options{File: write(t, ""), Environ: environ(
		"MODTIER_STACK=memory,disk,minio,s3,gcp,azureblob,mongo,external", "ATHENS_SINGLE_FLIGHT_TYPE=store", "ATHENS_MONGO_INSECURE=true")}
	all["flags"] = Options{File: write(t, "UnixSocket = \"/s\"\n"),
		Environ: []string{"PORT=5", "MODTIER_UPSTREAM=direct"}, Listen: "4", Upstream: "off"}
	return all
}

func TestSurveyDecidesAsLoad(t *testing.T) {
	wrong := "Port = \"x\"\nport = 1\nPrrt = 2\nForceSSL = true\nTiers = 1\nProtocolWorkers = 4\n[Storage.S3]\nEndpoint = 7\n"
	all := everySample(t)
	all["much that is wrong"] = Options{File: write(t, wrong), Environ: []string{"ATHENS_STORAGE_TYPE=s3", "MODTIER_STAC=1"}}
	for name, o := range all {
		t.Run(name, func(t *testing.T) {
			r := survey(t, o)
			c, warnings, err := Load(o)
			if !slices.Equal(r.Warnings, warnings) || fmt.Sprint(r.Err) != fmt.Sprint(err) {
				t.Errorf("got  %q, %v\nwant %q, %v", r.Warnings, r.Err, warnings, err)
			}
			if err == nil && !reflect.DeepEqual(r.config, c) {
				t.Errorf("got  %+v\nwant %+v", r.config, c)
			}
			if refused := Count(r.Entries(), Refused); (refused > 0) != (err != nil) {
				t.Errorf("%d refused, though Load says %v", refused, err)
			}
		})
	}
	t.Run("the file is found as Load finds it", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if r := survey(t, Options{}); r.File != "" {
			t.Errorf("File = %q, want none", r.File)
		}
		for _, name := range []string{"athens.toml", "modtier.toml"} {
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if r := survey(t, Options{}); r.File != name {
				t.Errorf("File = %q, want %s", r.File, name)
			}
		}
		if r := survey(t, Options{}); len(r.Warnings) != 1 {
			t.Errorf("got %q, want a word on athens.toml", r.Warnings)
		}
	})
}

func TestTheFileIsBounded(t *testing.T) {
	dir := t.TempDir()
	var many strings.Builder
	for i := range maxKeys + 1 {
		fmt.Fprintf(&many, "k%d = 1\n", i)
	}
	for claim, tt := range map[string]struct{ file, want string }{
		"a directory is no file":          {dir, "is a directory"},
		"a file that is not there":        {filepath.Join(dir, "none"), "no such file"},
		"a name that no file can have":    {"a\x00b", "invalid argument"},
		"ten megabytes":                   {write(t, strings.Repeat("#", 10<<20)), "want at most 262144 bytes"},
		"one byte more than the bound":    {write(t, strings.Repeat("#", maxFile+1)), "want at most 262144 bytes"},
		"too many keys":                   {write(t, many.String()), "want at most 2000 keys"},
		"a name of pages":                 {write(t, strings.Repeat("k", maxFile-10)+" = 1\n"), "want at most 2000 keys"},
		"tables without end":              {write(t, strings.Repeat("a.", maxFile/4)+"a = 1\n"), "in tables at most 20 deep"},
		"lists without end":               {write(t, "k = "+strings.Repeat("[", maxFile/4)+strings.Repeat("]", maxFile/4)), ":1:"},
		"a NUL in a name":                 {write(t, "Port = 1\nLog\x00Level = 1\n"), ":2:4: not TOML: "},
		"a NUL in a text":                 {write(t, "Port = \"\x00\"\n"), ":1:9: not TOML: "},
		"a text that is not UTF-8":        {write(t, "\n\nPort = \"\xff\"\n"), ":3:9: not TOML: "},
		"a text that does not end":        {write(t, "\nPort = \"sesame\n"), ":2:"},
		"a key twice, spelled as before":  {write(t, "Port = 1\nPort = 2\n"), ":2:"},
		"a file that is not TOML at all":  {write(t, "kind: ConfigMap\n"), ":1:"},
		"an archive under a wrong name":   {write(t, "PK\x03\x04\x14\x00"), ":1:"},
		"a text in two lines with secret": {write(t, "BasicAuthPass = \"open\nsesame\"\n"), ":1:"},
	} {
		t.Run(claim, func(t *testing.T) {
			r, err := Survey(Options{File: tt.file})
			if r != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, %v; want %q", r, err, tt.want)
			}
			if name := filepath.Base(tt.file); !strings.Contains(err.Error(), name) {
				t.Errorf("no file named in %v", err)
			}
			if strings.Contains(err.Error(), "sesame") {
				t.Errorf("a secret in %v", err)
			}
			if c, _, loaded := Load(Options{File: tt.file}); c != nil || fmt.Sprint(loaded) != err.Error() {
				t.Errorf("Load says %v, want %v", loaded, err)
			}
		})
	}
	t.Run("a file of exactly the bound is read", func(t *testing.T) {
		survey(t, Options{File: write(t, strings.Repeat("#", maxFile))})
	})
}
