package config

import (
	"strings"
	"testing"
)

func TestVerdicts(t *testing.T) {
	file := write(t, `Port = ":1"
Portt = ":2"
FilterFile = "/etc/filter"
ForceSSL = false
ValidatorHook = ""
IndexType = "postgres"
TraceExporterURL = "http://t.example"
LogLevel = "loud"
StorageType = "mongo"
"\u001b[2J\n" = 1
[Storage.Disk]
RootPath = "/r"
[Storage.Mongo]
DefaultDBName = "mine"
[Storage.S3]
Bucket = 7
[SingleFlight.Etcd]
Endpoints = "MY_ETCD"
[Their.Program]
Mode = 1
[Tiers]
Disk = 2
`)
	r := survey(t, Options{File: file, Environ: []string{"GO_ENV=staging", "MODTIER_WRIT=1"}})
	var b strings.Builder
	if err := WriteEntries(&b, r.Entries()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(strings.ReplaceAll(b.String(), file, "FILE")) {
		if line != strings.TrimRight(line, " \n")+"\n" {
			t.Errorf("blanks at the end of %q", line)
		}
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := `KEY SET BY VERDICT WHY
Port FILE:1 honoured
LogLevel FILE:8 refused want one of debug, info, warn, error
GoEnv GO_ENV honoured
StorageType FILE:9 honoured
IndexType FILE:6 honoured the database is neither read nor written: what is saved is recorded on disk, as with disk; in a fleet each instance tells at /index what it has saved itself
Storage.Disk.RootPath FILE:12 unused StorageType is not disk
Storage.Mongo.URL - refused want it set, for the store mongo needs it
Storage.Mongo.DefaultDBName FILE:14 ignored no file sets it, here as with Athens, whose data is there; for "mine" set ATHENS_MONGO_DEFAULT_DATABASE
Storage.S3.Bucket FILE:16 unused the store s3 is not in the stack
SingleFlight.Etcd.Endpoints FILE:18 unused the locks are not in etcd
Portt FILE:2 unknown did you mean Port?
Their.Program.Mode FILE:20 unknown
\x1b[2J\n FILE unknown
- - refused FILE:22: Tiers.Disk: want a table, as [Tiers.Disk]
- - ignored unknown variable MODTIER_WRIT; did you mean MODTIER_WRITE?`
	all := strings.Join(got, "\n")
	for line := range strings.Lines(want) {
		if !strings.Contains(all+"\n", strings.TrimSuffix(line, "\n")+"\n") {
			t.Errorf("no %s", line)
		}
	}
	if t.Failed() {
		t.Log(b.String())
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Error("the terminal is told what to do")
	}
}

// A message that is not found to be of its key would stand without it.
func TestVerdictsFindTheKeyOfEachMessage(t *testing.T) {
	for _, row := range table() {
		for _, from := range []string{"", "FILE:1", "NAME"} {
			l := newLoader()
			l.from[row.id()] = from
			l.values.Set(row.id(), "a value: with = and , in it")
			l.warn(row.id(), "one")
			l.warn(row.id(), "two")
			l.warnings = append(l.warnings, "not about it")
			said, rest := l.bySubject(l.warnings)
			if len(said) != 1 || said[row.id()] != "one; two" || len(rest) != 1 {
				t.Errorf("%s from %q: got %q, and apart %q", row.key, from, said, rest)
			}
		}
	}
}

func TestVerdictsOnWhatHasNoEffect(t *testing.T) {
	for _, row := range table() {
		if row.as == aside {
			entries := survey(t, Options{File: write(t, toml(row.key, `"something"`))}).Entries()
			if len(entries) != 1 || entries[0].Key != row.key || entries[0].Verdict != Unused || entries[0].Why == "" {
				t.Errorf("%s: got %+v, want unused and why", row.key, entries)
			}
		}
		if row.as == aside || !row.blank {
			entries := survey(t, Options{File: write(t, toml(row.key, `""`))}).Entries()
			if len(entries) != 1 || entries[0].Verdict != Unused || !strings.HasPrefix(entries[0].Why, "empty") {
				t.Errorf("%s empty: got %+v", row.key, entries)
			}
		}
	}
}
