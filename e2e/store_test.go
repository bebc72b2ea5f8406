package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const athensTOML = `# As a site that runs Athens without the network has it.
GoEnv = "production"
GoBinary = "go"
LogLevel = "debug"
CloudRuntime = "none"
Port = "127.0.0.1:0"
StorageType = "disk"
NetworkMode = "offline"
Timeout = 300
SumDBs = []

[Storage]
    [Storage.Disk]
        RootPath = "ROOT"
`

// TestAthensDirectoryServesOffline starts modtier as a site starts Athens, over a
// directory that was filled by hand.
func TestAthensDirectoryServesOffline(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := filepath.Join(dir, "store")
	vs := []version{
		{path: "example.com/hello", version: "v1.0.0", size: 1000},
		{path: "example.com/hello", version: "v1.1.0", size: 1000},
		{path: "example.com/hello", version: "v1.2.0-RC1", size: 1000},
		{path: "example.com/Upper/Case/v2", version: "v2.0.0", size: 1000},
		{path: "example.com/old", version: "v3.0.0+incompatible", size: 1000},
	}
	for _, v := range vs {
		for _, kind := range kinds {
			put(t, filepath.Join(root, v.name(kind)), v.file(kind))
		}
	}
	file := filepath.Join(dir, "athens.toml")
	put(t, file, []byte(strings.Replace(athensTOML, "ROOT", root, 1)))
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary(t), "-config_file", file)
	cmd.Env = environ(t, sealed...)
	g := launch(t, cmd)

	c := newGo(t, g.url, "")
	for _, v := range vs {
		g.serves(v)
		c.run("mod", "download", v.path+"@"+v.version)
		if !bytes.Equal(c.cached(v, "zip"), v.file("zip")) {
			t.Errorf("the go command has got another zip of %s@%s", v.path, v.version)
		}
	}
	if got, want := c.run("list", "-m", "-versions", "example.com/hello"), "example.com/hello v1.0.0 v1.1.0 v1.2.0-RC1\n"; got != want {
		t.Errorf("go list -m -versions: got %q, want %q", got, want)
	}
	if got, want := c.run("list", "-m", "example.com/hello@latest"), "example.com/hello v1.1.0\n"; got != want {
		t.Errorf("go list -m @latest: got %q, want %q", got, want)
	}
	if _, err := c.try("mod", "download", "example.com/absent@v1.0.0"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("go mod download of what is not there: got %v, want a 404", err)
	}
	untorn(t, root, vs)
}
