package policy

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/internal/smallfile"
)

// A Mode says what a miss does. A hit is served in every mode.
type Mode uint8

const (
	Sync          Mode = iota // it is fetched while the client waits
	Async                     // it is not there yet, and fetched behind
	Redirect                  // it is to be had elsewhere
	AsyncRedirect             // it is to be had elsewhere, and fetched behind
	None                      // it is not there
)

// Fetches reports whether m fetches behind, for those who ask later.
func (m Mode) Fetches() bool { return m == Async || m == AsyncRedirect }

// Redirects reports whether m sends the client elsewhere.
func (m Mode) Redirects() bool { return m == Redirect || m == AsyncRedirect }

func parseMode(s string) (Mode, error) {
	switch s {
	case "sync":
		return Sync, nil
	case "async":
		return Async, nil
	case "redirect":
		return Redirect, nil
	case "async_redirect":
		return AsyncRedirect, nil
	case "none":
		return None, nil
	}
	return 0, errors.New("want a mode: sync, async, redirect, async_redirect or none")
}

// Modes has a mode for every module.
type Modes struct {
	mode  Mode
	url   string // where a redirect leads, without a slash at the end; "" for nowhere
	rules []modeRule
	sum   string // of the file; "" without one
}

// A modeRule is for modules whose path begins as one of its globs.
type modeRule struct {
	globs string // as module.MatchPrefixPatterns takes them
	mode  Mode
	url   string // "" for another one's
}

// ParseModes reads a value of Athens' DownloadMode: the name of a mode, file: and
// the path of a file of modes, or custom: and its content in base64. The url, of
// DownloadURL, is where to redirect to unless such a file says so. No error shows
// the value, a URL or another value in the file.
func ParseModes(value, url string) (*Modes, error) {
	if name, ok := strings.CutPrefix(value, "file:"); ok {
		b, err := smallfile.Read(name, maxFile)
		if err != nil {
			return nil, err
		}
		return parseFile(name, b, url)
	}
	if text, ok := strings.CutPrefix(value, "custom:"); ok {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errors.New("want base64 after custom:")
		}
		if len(b) > maxFile {
			return nil, fmt.Errorf("longer than %d bytes", maxFile)
		}
		return parseFile("custom", b, url)
	}
	mode, err := parseMode(value)
	if err != nil {
		return nil, fmt.Errorf("%w; or file: and a path, or custom: and base64", err)
	}
	m := &Modes{mode: mode}
	if mode.Redirects() {
		if m.url, err = redirectURL(url); err != nil {
			return nil, fmt.Errorf("it leads to DownloadURL: %w", err)
		}
	}
	return m, nil
}

// parseFile parses a file of modes. All of it is checked now: Athens takes any word
// for the mode at the top, and then answers with nothing.
func parseFile(name string, content []byte, url string) (*Modes, error) {
	f, err := decode(name, content)
	if err != nil {
		return nil, err
	}
	m := &Modes{sum: sum(content)}
	if m.mode, err = parseMode(f.top.mode); err != nil {
		return nil, fmt.Errorf("%s: mode: %w", name, err)
	}
	url = cmp.Or(f.top.url, url)
	if url != "" || m.mode.Redirects() {
		if m.url, err = redirectURL(url); err != nil {
			return nil, fmt.Errorf("%s: downloadURL: %w", name, err)
		}
	}
	for _, d := range f.downloads {
		rule := modeRule{globs: d.globs}
		at := fmt.Sprintf("%s:%d", name, d.line)
		if rule.mode, err = parseMode(d.mode); err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		for glob := range strings.SplitSeq(d.globs, ",") {
			if _, err := path.Match(glob, ""); err != nil || strings.Trim(glob, "/") == "" {
				return nil, fmt.Errorf("%s: want a pattern of paths, as example.com/team or *.example.com/x", at)
			}
		}
		if d.url != "" || rule.mode.Redirects() && m.url == "" {
			if rule.url, err = redirectURL(d.url); err != nil {
				return nil, fmt.Errorf("%s: downloadURL: %w", at, err)
			}
		}
		m.rules = append(m.rules, rule)
	}
	return m, nil
}

// For returns the mode of a module and, if that redirects, where to: a URL to which
// the path of the request is added. A nil Modes is Sync.
func (m *Modes) For(path string) (mode Mode, url string) {
	if m == nil {
		return Sync, ""
	}
	mode, decided := m.mode, false
	for _, r := range m.rules {
		if decided && r.url == "" || !module.MatchPrefixPatterns(r.globs, path) {
			continue
		}
		if !decided {
			mode, decided = r.mode, true
		}
		if !mode.Redirects() || r.url != "" {
			return mode, r.url // the first one that has a URL gives it, as in Athens
		}
	}
	return mode, m.url
}
