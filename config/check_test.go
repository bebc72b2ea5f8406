package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestChecks(t *testing.T) {
	root := t.TempDir()
	plain := filepath.Join(root, "file")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	disk := "ATHENS_STORAGE_TYPE=disk ATHENS_DISK_STORAGE_ROOT=" + root
	for _, tt := range []struct {
		claim, environ, want string // want "" is no error
	}{
		{"a user without a password is refused", "BASIC_AUTH_USER=u", "BASIC_AUTH_USER: BasicAuthUser = \"u\": set without BasicAuthPass (BASIC_AUTH_PASS)"},
		{"a password without a user is refused", "BASIC_AUTH_PASS=sesame", "BASIC_AUTH_PASS: BasicAuthPass: set without BasicAuthUser (BASIC_AUTH_USER)"},
		{"a certificate without its key is refused", "ATHENS_TLSCERT_FILE=c", "set without TLSKeyFile (ATHENS_TLSKEY_FILE)"},
		{"a key without its certificate is refused", "ATHENS_TLSKEY_FILE=k", "set without TLSCertFile (ATHENS_TLSCERT_FILE)"},
		{"both halves are fine", "BASIC_AUTH_USER=u BASIC_AUTH_PASS=p ATHENS_TLSCERT_FILE=c ATHENS_TLSKEY_FILE=k", ""},
		{"a path prefix begins with a slash", "ATHENS_PATH_PREFIX=go", "want a path that begins with a slash"},
		{"what goes to the go command is KEY=VALUE", "ATHENS_GO_BINARY_ENV_VARS=A=1;sesame", "GoBinaryEnvVars: item 2: want KEY=VALUE"},
		{"a nameless variable is refused", "ATHENS_GO_BINARY_ENV_VARS==sesame", "item 1: want KEY=VALUE"},
		{"a pattern that matches nothing is refused", "ATHENS_GONOSUM_PATTERNS=a.example,[b", "item 2: want a pattern"},

		{"disk alone is a stack", "MODTIER_STACK=disk", ""},
		{"a memory tier has a size", "MODTIER_MEMORY_SIZE=0", "want more than 0, or no memory in Tiers.Stack"},
		{"without a memory tier it needs none", "MODTIER_STACK=disk MODTIER_MEMORY_SIZE=0", ""},
		{"a cache may be without bound", "MODTIER_DISK_SIZE=0", ""},

		{"a store on disk needs its directory", "ATHENS_STORAGE_TYPE=disk", "Storage.Disk.RootPath (ATHENS_DISK_STORAGE_ROOT): want the directory of the store"},
		{"a store's directory exists", disk + "/none", "want a directory that exists"},
		{"a store's directory is no file", disk + "/file", "want a directory that exists"},
		{"the directory of a store that is not used may be anything", "ATHENS_DISK_STORAGE_ROOT=" + root + "/none", ""},
		{"a store on disk is one place", disk + " MODTIER_DISK_PATH=/elsewhere", "so the disk tier is the store; want it unset, or the same as ATHENS_DISK_STORAGE_ROOT"},
		{"the same place twice is one place", disk + " MODTIER_DISK_PATH=" + root + "/", ""},
		{"a store has no bound", disk + " MODTIER_DISK_SIZE=1GiB", "a store, which must not forget"},
		{"a store without bound may say so", disk + " MODTIER_DISK_SIZE=0", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			_, warnings, err := Load(Options{File: write(t, ""), Environ: strings.Fields(tt.environ)})
			wantOne(t, err, tt.want)
			if len(warnings) > 0 {
				t.Errorf("got warnings %q, want none", warnings)
			}
		})
	}
	t.Run("the store's directory is the disk tier's", func(t *testing.T) {
		c := load(t, Options{File: write(t, ""), Environ: strings.Fields(disk)})
		if c.Tiers.Disk.Path != root || c.Tiers.Disk.Size != 0 {
			t.Errorf("Path = %q, Size = %d; want %q, 0", c.Tiers.Disk.Path, c.Tiers.Disk.Size, root)
		}
	})
	t.Run("a path prefix ends without a slash", func(t *testing.T) {
		for in, want := range map[string]string{"/go/": "/go", "/": "", "/a/b": "/a/b"} {
			if c := load(t, Options{File: write(t, ""), Environ: []string{"ATHENS_PATH_PREFIX=" + in}}); c.PathPrefix != want {
				t.Errorf("%s: got %q, want %q", in, c.PathPrefix, want)
			}
		}
	})
	t.Run("without a cache directory the key is named", func(t *testing.T) {
		t.Setenv("XDG_CACHE_HOME", "")
		t.Setenv("HOME", "")
		_, _, err := Load(Options{File: write(t, "")})
		if err == nil || !strings.Contains(err.Error(), "Tiers.Disk.Path (MODTIER_DISK_PATH): want a directory") {
			t.Errorf("got %v", err)
		}
		load(t, Options{File: write(t, ""), Environ: []string{"MODTIER_DISK_PATH=/d"}})
		load(t, Options{File: write(t, ""), Environ: strings.Fields(disk)})
	})
}
