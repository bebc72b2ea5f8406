package policy

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/internal/smallfile"
)

// A Rule says what becomes of the requests for a module.
type Rule uint8

const (
	Include Rule = iota // they are served
	Exclude             // they are refused
	Direct              // they are redirected to another proxy
)

// A Filter has rules for modules by path and version, one a line, as Athens'
// FilterFile:
//
//	# by default refuse, and serve example.com/a and all whose path is below it,
//	# but of example.com/a/b refuse some versions, and redirect later ones of v1
//	-
//	+ example.com/a
//	- example.com/a/b v1,v2.3.*
//	D example.com/c ^v1.2.3
//
// The rule of the longest path decides, of those whose versions match. For a list
// and for @latest there is no version, and each rule of the path counts.
//
// It is read once: a file that changes has effect at the next start.
type Filter struct {
	// Endpoint is where Direct leads, without a slash at the end.
	Endpoint string

	root node
	sum  string // of the file
}

// A node is an element of a path, and all paths that begin there.
type node struct {
	line     int // that has its rule; 0 for none
	text     string
	rule     Rule
	versions []pattern // that it is about; none is all
	next     map[string]*node
}

// ReadFilter reads a filter file. The endpoint is looked at only if a rule leads
// there.
func ReadFilter(name, endpoint string) (*Filter, error) {
	b, err := smallfile.Read(name, maxFile)
	if err != nil {
		return nil, err
	}
	return ParseFilter(name, b, endpoint)
}

// ParseFilter is ReadFilter for a file of that name and content. Its error has the
// line that is wrong. Athens takes several for right that never have an effect: a
// version without its v, an asterisk in a path, two blanks, a path for the second
// time.
func ParseFilter(name string, content []byte, endpoint string) (*Filter, error) {
	f := &Filter{sum: sum(content)}
	direct := false
	n := 0
	for line := range strings.Lines(string(content)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		rule, err := f.add(n, line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		direct = direct || rule == Direct
	}
	if direct {
		var err error
		if f.Endpoint, err = redirectURL(endpoint); err != nil {
			return nil, fmt.Errorf("%s has a rule D, which leads to GlobalEndpoint: %w", name, err)
		}
	}
	return f, nil
}

// add adds the rule of a line.
func (f *Filter) add(n int, line string) (Rule, error) {
	fields := strings.Fields(line)
	rule, ok := map[string]Rule{"+": Include, "-": Exclude, "D": Direct}[fields[0]]
	if !ok || len(fields) > 3 {
		return 0, errors.New("want +, - or D, then at most a path, then at most versions with commas and no blanks between")
	}
	at := &f.root
	if len(fields) > 1 {
		path := strings.Trim(fields[1], "/")
		if err := module.CheckImportPath(path); err != nil {
			return 0, fmt.Errorf("want the path of a module, or of what is above some; a rule is for all below it: %w", err)
		}
		for element := range strings.SplitSeq(path, "/") {
			if at.next == nil {
				at.next = make(map[string]*node)
			}
			if at.next[element] == nil {
				at.next[element] = new(node)
			}
			at = at.next[element]
		}
	}
	text := strings.Join(fields, " ")
	if at.line > 0 && at.text != text {
		return 0, fmt.Errorf("line %d is about the same path; want one line, with commas between the versions", at.line)
	}
	var versions []pattern
	if len(fields) > 2 {
		for item := range strings.SplitSeq(fields[2], ",") {
			p, err := parsePattern(item)
			if err != nil {
				return 0, err
			}
			versions = append(versions, p)
		}
	}
	at.line, at.text, at.rule, at.versions = n, text, rule, versions
	return rule, nil
}

// Rule returns the rule for a version of a module; "" is all of it. A nil Filter
// includes everything.
func (f *Filter) Rule(path, version string) Rule {
	if f == nil {
		return Include
	}
	rule := f.root.rule
	for at, more := &f.root, true; more; {
		var element string
		element, path, more = strings.Cut(path, "/")
		if at = at.next[element]; at == nil {
			break
		}
		if at.line > 0 && at.about(version) {
			rule = at.rule
		}
	}
	return rule
}

// about reports whether the rule of n is about version.
func (n *node) about(version string) bool {
	if len(n.versions) == 0 || version == "" {
		return true
	}
	for _, p := range n.versions {
		if p.matches(version, n.rule) {
			return true
		}
	}
	return false
}
