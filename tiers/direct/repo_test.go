package direct_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A repo is one of a forge's.
type repo struct {
	t       testing.TB
	work    string
	name    string
	commits int
	bare    string
}

// repo makes a repository with no commit.
func (f *forge) repo(name string) *repo {
	f.t.Helper()
	r := &repo{t: f.t, work: f.t.TempDir(), name: name, bare: filepath.Join(f.dir, name)}
	r.git("init", "-q", "-b", "main")
	r.git("init", "-q", "--bare", "-b", "main", r.bare)
	r.git("remote", "add", "origin", r.bare)
	return r
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	r.commits++
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(r.commits) * time.Hour).Format(time.RFC3339)
	cmd := exec.Command("git", args...)
	cmd.Dir = r.work
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE="+when,
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_COMMITTER_DATE="+when)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit commits files, name and content by turns, and tags that.
func (r *repo) commit(tag string, files ...string) (hash string) {
	r.t.Helper()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(r.work, filepath.FromSlash(files[i]))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", "commit")
	if tag != "" {
		r.git("tag", "-f", tag)
	}
	r.git("push", "-q", "-f", "--all", "origin")
	r.git("push", "-q", "-f", "--tags", "origin")
	return r.git("rev-parse", "HEAD")
}

// module makes a repository of a module with versions.
func (f *forge) module(name string, versions ...string) *repo {
	f.t.Helper()
	r := f.repo(name)
	for _, v := range versions {
		r.commit(v, "go.mod", "module github.com/acme/"+name+"\n", "a.go", "package a // "+v+"\n")
	}
	return r
}

// pseudo returns the pseudo-version of a commit.
func (r *repo) pseudo(base, hash string) string {
	r.t.Helper()
	at := r.git("log", "-n1", "--format=%ct", hash)
	var s int64
	if _, err := fmt.Sscan(at, &s); err != nil {
		r.t.Fatal(err)
	}
	return base + time.Unix(s, 0).UTC().Format("20060102150405") + "-" + hash[:12]
}

// tag tags the tip without a word to the forge, which learns of it with the next commit.
func (r *repo) tag(name string) {
	r.t.Helper()
	at := filepath.Join(r.work, ".git", "refs", "tags", name)
	if err := os.WriteFile(at, []byte(r.git("rev-parse", "HEAD")+"\n"), 0o644); err != nil {
		r.t.Fatal(err)
	}
}
