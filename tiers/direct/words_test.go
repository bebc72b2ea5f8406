package direct_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/direct"
)

func TestVerdict(t *testing.T) {
	const in = " in /x/modtier-direct/0/run/7/mod/cache/vcs/85c35f: exit status 128:\n\t"
	for _, c := range []struct {
		text         string
		absent, gone bool
	}{
		{"a.example/x@v1.9.0: invalid version: unknown revision v1.9.0", true, false},
		{`module a.example/x: no matching versions for query "v9"`, true, false},
		{"a.example/x@v1: invalid pseudo-version: does not match version-control timestamp (expected 20261122070817)", true, false},
		{"a.example/x@v1: invalid version: missing a.example/x/go.mod at revision 0123", true, false},
		{`a.example/x@v2.0.0: invalid version: module contains a go.mod file, so module path must match major version ("a.example/x/v2")`, true, false},
		{`a.example/x/v2@v2.0.0: invalid version: go.mod has non-.../v2 module path "a.example/x" at revision v2.0.0`, true, false},
		{`invalid github.com import path "github.com/acme"`, true, false},
		{`unrecognized import path "a.example/x": reading https://a.example/x?go-get=1: 404 Not Found`, true, false},
		{`unrecognized import path "a.example/x": reading https://a.example/x?go-get=1: 410 Gone`, true, true},
		{`unrecognized import path "a.example/x": parse https://a.example/x?go-get=1: no go-import meta tags ()`, true, false},
		{"a.example/x@v1: invalid version: git ls-remote -q origin" + in + "fatal: repository 'https://a.example/x/' not found", true, false},
		{"a.example/x@v1: invalid version: git ls-remote -q origin" + in + "ERROR: Repository not found.\n\tfatal: Could not read from remote repository.", true, false},

		{"a.example/x@v1: invalid version: git ls-remote -q origin" + in + "fatal: could not read Username for 'https://a.example': terminal prompts disabled", false, false},
		{"a.example/x@v1: invalid version: git ls-remote -q origin" + in + "fatal: unable to access 'https://me:sesame@a.example/': The requested URL returned error: 503", false, false},
		{"a.example/x@v1: invalid version: git fetch -f origin" + in + "fatal: early EOF", false, false},
		{"a.example/x@v1: invalid version: git fetch -f origin in /x/modtier-direct/0/y: signal: killed", false, false},
		{"a.example/x@v1: invalid version: git ls-remote" + in + "git@a.example: Permission denied (publickey).", false, false},
		{`unrecognized import path "a.example/x": https fetch: Get "https://a.example/x?go-get=1": dial tcp: lookup a.example: no such host`, false, false},
		{`unrecognized import path "a.example/x": reading https://a.example/x?go-get=1: 502 Bad Gateway`, false, false},
		{"a.example/x@v1: no secure protocol found for repository", false, false},
		{"a.example/x@v1.2.0 requires go >= 1.99 (running go 1.26; GOTOOLCHAIN=local)", false, false},
		{"open /x/modtier-direct/0/run/7: no space left on device", false, false},
		{"a.example/x@v1: GIT_TOKEN sesame", false, false},
		{"", false, false},
	} {
		err := direct.Verdict(c.text)
		e, absent := errors.AsType[*tiers.AbsentError](err)
		if absent != c.absent || errors.Is(err, fs.ErrNotExist) != c.absent {
			t.Errorf("%q: got %T %v", c.text, err, err)
		}
		if absent && e.Gone != c.gone {
			t.Errorf("%q: gone is %v", c.text, e.Gone)
		}
		if s := err.Error(); strings.Contains(s, "sesame") || strings.Contains(s, "/x/modtier") {
			t.Errorf("it says %q", s)
		}
	}
}
