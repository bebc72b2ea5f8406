package direct

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// A room is what one command has: a home, a module cache and an environment. It is
// removed with all that the command left, whether that ended or was killed.
type room struct {
	dir string
	env []string
}

// inherited are the variables that a command needs of ours. All others stay here:
// among them are the keys of our stores.
var inherited = []string{
	"PATH", "SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "USER", "LOGNAME", "USERNAME",
	"SSH_AUTH_SOCK", "SSH_AGENT_PID", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
	"GOROOT", "GOINSECURE", "GOVCS", "GOAUTH",
}

// ours are the variables that Env does not change.
var ours = []string{
	"HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CONFIG_HOME", "TMPDIR", "TMP", "TEMP", "PWD", "NETRC", "LC_ALL", "LANGUAGE",
	"GOPROXY", "GONOPROXY", "GOSUMDB", "GOTOOLCHAIN", "GOENV", "GO111MODULE", "GOWORK", "GOFLAGS",
	"GOPATH", "GOMODCACHE", "GOCACHE", "GOTMPDIR", "GIT_CONFIG_GLOBAL", "GIT_DIR", "GIT_TERMINAL_PROMPT", "GCM_INTERACTIVE",
}

// path returns the path of something in r.
func (r *room) path(elem ...string) string { return filepath.Join(append([]string{r.dir}, elem...)...) }

// vcs is where the go command keeps its clones.
func (r *room) vcs() string { return r.path("mod", "cache", "vcs") }

// enter makes a room.
func (f *Fetcher) enter() (*room, error) {
	run := filepath.Join(f.place.dir, "run")
	if err := os.MkdirAll(run, 0o700); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(run, "")
	if err != nil {
		return nil, err
	}
	r := &room{dir: dir}
	if err := f.furnish(r); err != nil {
		r.leave()
		return nil, err
	}
	return r, nil
}

// leave removes r. What cannot be removed is left to the next process.
func (r *room) leave() { os.RemoveAll(r.dir) }

func (f *Fetcher) furnish(r *room) error {
	home := r.path("home")
	for _, dir := range []string{r.vcs(), r.path("tmp"), filepath.Join(home, ".config", "go", "telemetry")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	// The go command starts a process for its telemetry that would outlive it.
	if err := os.WriteFile(filepath.Join(home, ".config", "go", "telemetry", "mode"), []byte("off"), 0o600); err != nil {
		return err
	}
	if err := f.credentials(home); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(f.gitConfig()), 0o600); err != nil {
		return err
	}
	r.env = f.environment(r, home)
	return nil
}

// environment returns that of the commands in r.
func (f *Fetcher) environment(r *room, home string) []string {
	env := []string{"GIT_SSH_COMMAND=ssh -o ControlMaster=no -o BatchMode=yes", "GIT_ASKPASS="}
	for _, name := range inherited {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	for _, pair := range f.Env {
		name, _, ok := strings.Cut(pair, "=")
		if ok && !slices.ContainsFunc(ours, func(s string) bool { return strings.EqualFold(s, name) }) {
			env = append(env, pair)
		}
	}
	return append(env,
		"HOME="+home, "USERPROFILE="+home, "APPDATA="+home, "LOCALAPPDATA="+home, "XDG_CONFIG_HOME="+filepath.Join(home, ".config"),
		"TMPDIR="+r.path("tmp"), "TMP="+r.path("tmp"), "TEMP="+r.path("tmp"),
		"NETRC="+filepath.Join(home, netrcName),
		"LC_ALL=C", "LANGUAGE=", // the words of errors are read
		"GOPROXY=direct", "GONOPROXY=", "GOSUMDB=off", // the sums are ours to verify
		"GOTOOLCHAIN=local", "GOENV=off", "GO111MODULE=on", "GOWORK=off",
		"GOFLAGS="+strings.TrimSpace(f.env("GOFLAGS")+" -modcacherw"),
		"GOPATH="+r.path("gopath"), "GOMODCACHE="+r.path("mod"), "GOCACHE="+r.path("gocache"), "GOTMPDIR=",
		"GIT_TERMINAL_PROMPT=0", "GCM_INTERACTIVE=never",
	)
}

// env returns the last value that Env has for name, or "".
func (f *Fetcher) env(name string) (value string) {
	for _, pair := range f.Env {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}

// netrcName is .netrc for curl and go alike, as HOME is set.
const netrcName = ".netrc"

// credentials copies what the commands may log in with. Copies, as there is a line
// to add, and since each program has its own idea of where the original would be.
func (f *Fetcher) credentials(home string) error {
	token := ""
	if f.GithubToken != "" {
		if strings.ContainsAny(f.GithubToken, " \t\r\n") {
			return errors.New("GithubToken: white space is no part of a token")
		}
		token = "machine github.com login x-access-token password " + f.GithubToken + "\n"
	}
	usual, _ := os.UserHomeDir() // none: nothing is found there
	in := func(name string) string {
		if usual == "" {
			return ""
		}
		return filepath.Join(usual, name)
	}
	found := cmp.Or(f.env("NETRC"), os.Getenv("NETRC"), in(netrcName))
	if _, err := os.Stat(in("_netrc")); err == nil && runtime.GOOS == "windows" {
		found = cmp.Or(f.env("NETRC"), os.Getenv("NETRC"), in("_netrc"))
	}
	if err := copyCredentials(filepath.Join(home, netrcName), token, f.Netrc, found); err != nil {
		return fmt.Errorf("NETRCPath: %w", err)
	}
	if err := copyCredentials(filepath.Join(home, ".hgrc"), "", f.HGRC, in(".hgrc")); err != nil {
		return fmt.Errorf("HGRCPath: %w", err)
	}
	// Git's own store of passwords, which a credential.helper reads and may write.
	const store = ".git-credentials"
	if _, err := os.Stat(in(store)); err == nil && os.Symlink(in(store), filepath.Join(home, store)) == nil {
		return nil
	}
	return copyCredentials(filepath.Join(home, store), "", "", in(store))
}

// copyCredentials writes a file that nobody else may read: first, then what is in
// the file that was set, or else in the one that might be there.
func copyCredentials(to, first, set, usual string) error {
	b := []byte(first)
	if from := cmp.Or(set, usual); from != "" {
		more, err := readBounded(from, maxCredentials)
		if err != nil && (set != "" || !errors.Is(err, fs.ErrNotExist)) {
			return err
		}
		b = append(b, more...)
	}
	return os.WriteFile(to, b, 0o600)
}

const maxCredentials = 1 << 20

// readBounded reads a file that has at most limit bytes.
func readBounded(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return b, err
}
