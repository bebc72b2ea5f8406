package upstream

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// authorize adds the credentials for e: those of its URL, over http too, as
// somebody wrote them there; else those of the netrc file, only over https, as
// the go command does it.
func (l *List) authorize(req *http.Request, e *entry) error {
	user := e.user
	if user == nil && e.url.Scheme == "https" {
		logins, err := l.netrc()
		if err != nil {
			return err
		}
		user = login(logins, req.URL)
	}
	if user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	return nil
}

// login finds the longest machine that is u's host and port, or these and the
// beginning of u's path. That a machine may have a path is the go command's.
func login(logins map[string]*url.Userinfo, u *url.URL) *url.Userinfo {
	for machine := u.Host + u.EscapedPath(); ; {
		if user := logins[machine]; user != nil {
			return user
		}
		i := strings.LastIndexByte(machine, '/')
		if i < 0 {
			return nil
		}
		machine = machine[:i]
	}
}

func (l *List) readNetrc() (map[string]*url.Userinfo, error) {
	path := l.Netrc
	if path == "" {
		path = defaultNetrc()
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("netrc: %w", err)
	}
	return parseNetrc(string(b)), nil
}

func defaultNetrc() string {
	if path := os.Getenv("NETRC"); path != "" {
		return path
	}
	// Without a home directory, as in many a container, there is no file in it.
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	if runtime.GOOS == "windows" {
		if path := filepath.Join(home, "_netrc"); exists(path) {
			return path
		}
	}
	return filepath.Join(home, ".netrc")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// parseNetrc reads the format as the go command does: line by line, pairs of
// words, the first login of a machine counts, and a default entry is nobody's.
func parseNetrc(text string) map[string]*url.Userinfo {
	logins := make(map[string]*url.Userinfo)
	var machine, name, password string
	macro := false
	for line := range strings.SplitSeq(text, "\n") {
		if macro {
			macro = line != "" // an empty line ends it
			continue
		}
		f := strings.Fields(line)
		if len(f)%2 == 1 && f[len(f)-1] == "default" {
			break // it has to be the last entry
		}
		for ; len(f) >= 2; f = f[2:] {
			switch f[0] {
			case "machine":
				machine = strings.TrimSuffix(strings.TrimPrefix(f[1], "https://"), "/")
				name, password = "", ""
			case "login":
				name = f[1]
			case "password":
				password = f[1]
			case "macdef":
				macro = true
			}
			if machine != "" && name != "" && password != "" {
				if logins[machine] == nil {
					logins[machine] = url.UserPassword(name, password)
				}
				machine, name, password = "", "", ""
			}
		}
	}
	return logins
}
