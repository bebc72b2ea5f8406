package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestModulesFromVersionControl has a go command ask for modules of a git repository
// that no proxy has: by the list, and by GONOPROXY.
func TestModulesFromVersionControl(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("MODTIER_E2E") == "require" {
			t.Fatal(err)
		}
		t.Skip("git is not installed")
	}
	forge := t.TempDir()
	repository(t, filepath.Join(forge, "thing"))
	git := "GIT_CONFIG_COUNT=1;GIT_CONFIG_KEY_0=url.file://" + forge + "/.insteadOf;GIT_CONFIG_VALUE_0=https://github.com/acme/"
	u := newUpstream(t)
	for name, o := range map[string]options{
		"by the list":  {upstream: u.URL + ",direct"},
		"alone":        {upstream: "direct"},
		"by GONOPROXY": {upstream: u.URL, env: []string{"GONOPROXY=github.com/acme"}},
	} {
		t.Run(name, func(t *testing.T) {
			asked := u.total()
			o.env = append(o.env, "ATHENS_GO_BINARY_ENV_VARS="+git, "ATHENS_SUM_DBS=")
			g := start(t, o)
			c := newGo(t, g.url, "")
			c.env = append(c.env, "GONOSUMDB=github.com/acme")
			for _, query := range []string{"v1.1.0", "main", "latest"} {
				if out := c.run("list", "-m", "-f", "{{.Version}}", "github.com/acme/thing@"+query); !strings.Contains(out, "v1.1") {
					t.Errorf("%s is %q", query, out)
				}
			}
			c.run("mod", "download", "github.com/acme/thing@v1.0.0", "github.com/acme/thing@v1.1.0")
			if out := c.run("list", "-m", "-versions", "github.com/acme/thing"); !strings.Contains(out, "v1.0.0 v1.1.0") {
				t.Errorf("the versions are %q", out)
			}
			if _, err := c.try("mod", "download", "github.com/acme/thing@v1.2.0"); err == nil || !strings.Contains(err.Error(), "unknown revision") {
				t.Errorf("a version that is not there: got %v, want the go command's own words", err)
			}
			if name == "by GONOPROXY" && u.total() != asked {
				t.Error("a proxy was asked for a private module")
			}
		})
	}
}

// repository makes a git repository of a module with two versions.
func repository(t *testing.T, dir string) {
	t.Helper()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	put(t, filepath.Join(dir, "go.mod"), []byte("module github.com/acme/thing\n"))
	run("init", "-q", "-b", "main")
	for _, version := range []string{"v1.0.0", "v1.1.0"} {
		put(t, filepath.Join(dir, "thing.go"), []byte("package thing // "+version+"\n"))
		run("add", "-A")
		run("commit", "-q", "-m", version)
		run("tag", version)
	}
}
