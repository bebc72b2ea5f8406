// Package policy decides what a gateway refuses, and what a miss does there: by a
// filter file, a hook that is asked, and modes, each as a site that runs Athens has
// it already.
//
// It parses and decides. But for the hook's question it speaks no HTTP, and who is
// told what with which status is for package gateway to say.
//
// Start reading at [Policy], then filter.go, hook.go and modes.go.
package policy

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// A Policy is what a site wants of its gateway. The zero value refuses nothing and
// fetches all that is missing.
type Policy struct {
	Filter *Filter // nil serves every module
	Hook   *Hook   // nil asks nobody
	Modes  *Modes  // nil fetches every miss while the client waits
}

// Digest is the same for policies whose files hold the same, wherever they lie.
func (p Policy) Digest() string {
	var sums [2]string
	if p.Filter != nil {
		sums[0] = p.Filter.sum
	}
	if p.Modes != nil {
		sums[1] = p.Modes.sum
	}
	return strings.Join(sums[:], " ")
}

func sum(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }

// maxFile is the largest file that is read, in bytes.
const maxFile = 256 << 10

// redirectURL returns a URL to which paths are added. Its error does not show s.
func redirectURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "", errors.New(`want an http or https URL to redirect to, as "https://proxy.example"`)
	}
	if u.User != nil {
		return "", errors.New("want a URL without credentials: a redirect tells them to every client")
	}
	if u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#") {
		return "", errors.New("want a URL without a query and without a fragment: paths are added to it")
	}
	return strings.TrimRight(u.String(), "/"), nil
}
