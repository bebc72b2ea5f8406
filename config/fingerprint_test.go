package config

import (
	"slices"
	"strings"
	"testing"
)

// fingerprint returns that of a file.
func fingerprint(t *testing.T, content string, more ...string) string {
	t.Helper()
	c, _, err := Load(Options{File: write(t, content)})
	if err != nil {
		t.Fatal(err)
	}
	return c.Fingerprint(more...)
}

const fleet = `
StorageType = "s3"
SingleFlightType = "redis"
BasicAuthUser = "u"
BasicAuthPass = "one"
[Storage.S3]
Region = "r"
Bucket = "b"
Key = "k"
Secret = "one"
Endpoint = "http://s3.example:9000"
[SingleFlight.Redis]
Endpoint = "redis://u:one@redis.example:6379?client=one"
[Tiers.Memory]
Size = "1GiB"
`

func TestInstancesThatAreSetUpAlikeHaveOneFingerprint(t *testing.T) {
	want := fingerprint(t, fleet)
	for name, other := range map[string]string{
		"the same":                  fleet,
		"a port and a level":        "Port = \":4000\"\nLogLevel = \"debug\"\n" + fleet,
		"a path":                    fleet + "[Tiers.Disk]\nPath = \"/var/cache/other\"\n",
		"the same size, written so": strings.ReplaceAll(fleet, "1GiB", "1024MiB"),
		"other secrets":             strings.ReplaceAll(fleet, "one", "two"),
		"a store that is not there": fleet + "[Storage.Minio]\nBucket = \"x\"\n",
		"locks that are not chosen": fleet + "[SingleFlight.Etcd]\nEndpoints = \"etcd.example:2379\"\n",
	} {
		if got := fingerprint(t, other); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if got := fingerprint(t, strings.ReplaceAll(fleet, "Memory]", "Peers]\nURL = \"http://a.example\"\nSecret = \"0123456789abcdef\"\n[Tiers.Memory]")); got != fingerprint(t,
		strings.ReplaceAll(fleet, "Memory]", "Peers]\nURL = \"http://b.example\"\nSecret = \"0123456789abcdef\"\n[Tiers.Memory]")) {
		t.Error("instances with their own URLs differ")
	}
}

func TestInstancesThatAreSetUpOtherwiseHaveAnother(t *testing.T) {
	seen := map[string]string{fingerprint(t, fleet): "the fleet"}
	differs := func(name, got string) {
		if other := seen[got]; other != "" {
			t.Errorf("%s: got the fingerprint of %s", name, other)
		}
		seen[got] = name
	}
	for from, to := range map[string]string{
		`"b"`: `"c"`, `s3.example`: `s4.example`, `redis.example`: `redis2.example`, `1GiB`: `2GiB`,
		"StorageType":             "DownloadMode = \"none\"\nStorageType",
		"SingleFlightType":        "DownloadMode = \"async\"\nSingleFlightType",
		"BasicAuthUser = \"u\"\n": "ValidatorHook = \"http://a.example\"\nBasicAuthUser = \"u\"\n",
		"BasicAuthPass = ":        "ValidatorHook = \"http://b.example\"\nBasicAuthPass = ",
		"BasicAuthUser = \"u\"\nBasicAuthPass = \"one\"\n": "", "StorageType = ": "NoSumPatterns = [\"corp.example/*\"]\nStorageType = ",
	} {
		differs(from+" is "+to, fingerprint(t, strings.ReplaceAll(fleet, from, to)))
	}
	if fingerprint(t, "DownloadMode = \"file:/a\"\n"+fleet) != fingerprint(t, "DownloadMode = \"file:/b\"\n"+fleet) {
		t.Error("the paths of a file of modes are told apart")
	}
	differs("with an upstream", fingerprint(t, fleet, "https://proxy.example"))
	differs("with another upstream", fingerprint(t, fleet, "https://other.example"))
	if fingerprint(t, fleet, "https://u:one@proxy.example?t=1") != fingerprint(t, fleet, "https://u:two@proxy.example?t=2") {
		t.Error("the secrets of an upstream are told apart")
	}
}

func TestWhatMayDifferIsAKey(t *testing.T) {
	for _, key := range ownKeys() {
		if !slices.ContainsFunc(table(), func(r row) bool { return r.key == key }) {
			t.Errorf("there is no key %s", key)
		}
	}
}
