package direct

import (
	"errors"
	"regexp"
	"strings"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/internal/web"
)

const maxText = 2 << 10

// name is what stands for the upstream in errors.
const name = "direct"

// The go command says in words only what it knows. These are its words, and those
// of git and Mercurial in it, for what a repository or a server asserted. All else
// may be an outage, and is taken for one.
var (
	// failed is in all that a command of version control did not do.
	failed = regexp.MustCompile(`exit status \d|signal: `)

	// missing is the one failure that is an answer: the server knows of no such
	// repository, to those credentials at least.
	missing = regexp.MustCompile(`fatal: repository '[^'\n]*' not found|Repository not found\.|abort: HTTP Error 404`)

	gone   = regexp.MustCompile(`: 410 Gone`)
	absent = regexp.MustCompile(strings.Join([]string{
		`unknown revision `,
		`no matching versions for query `,
		`invalid pseudo-version: `,
		`: 404 Not Found`,
		`no go-import meta tags`,
		`invalid \S+ import path `,
		`malformed (module|import) path `,
		`disallowed version string `,
		`invalid version: (missing |should be |must be of the form |resolves to version |go\.mod has |module contains a go\.mod file|\+incompatible suffix not allowed|module path includes |tag )`,
		`: missing \S+/go\.mod`,
		`go\.mod has (non-|post-)`,
		`module declares its path as: `,
		`cannot contain module `,
		`does not contain (module|package) `,
		`no existing version is required`,
		`no commits`,
	}, "|"))

	// broken is a clone that cannot be used any more.
	broken = regexp.MustCompile(`(?i)corrupt|bad object|bad tree|bad revision|not a git repository|unable to (read|parse|find) (tree|sha1|object|commit|[0-9a-f]{40})|` +
		`missing (blob|tree|commit|object)|remote did not send all|invalid sha1 pointer|inflate|does not match index`)

	inOurs = regexp.MustCompile(` in \S*modtier-direct\S*:`)
)

// verdict returns what a text of the go command means.
func (f *Fetcher) verdict(text string) error {
	clean := f.clean(text)
	switch {
	case failed.MatchString(text):
		if missing.MatchString(text) {
			return &tiers.AbsentError{Text: clean}
		}
	case gone.MatchString(text):
		return &tiers.AbsentError{Gone: true, Text: clean}
	case absent.MatchString(text):
		return &tiers.AbsentError{Text: clean}
	}
	if strings.Contains(text, "executable file not found") {
		clean += " (PATH is ours, or that of GoBinaryEnvVars)"
	}
	return lost(errors.New(clean))
}

// lost says that err kept an answer away.
func lost(err error) error { return &tiers.UpstreamError{Upstream: name, Err: scrub(err)} }

// clean makes what the go command said fit for others: without our paths and
// without credentials.
func (f *Fetcher) clean(text string) string {
	text = inOurs.ReplaceAllString(text, ":")
	if f.place.dir != "" {
		text = strings.ReplaceAll(text, f.place.dir, "...")
	}
	if f.GithubToken != "" {
		text = strings.ReplaceAll(text, f.GithubToken, "...")
	}
	if text = web.Clean(text); len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return text
}
