package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modtier/modtier/gateway/policy"
)

var ruleNames = map[policy.Rule]string{policy.Include: "+", policy.Exclude: "-", policy.Direct: "D"}

// filter returns the filter of some lines, with a semicolon between.
func filter(t *testing.T, lines string) *policy.Filter {
	t.Helper()
	f, err := policy.ParseFilter("filter", []byte(strings.ReplaceAll(lines, "; ", "\n")), "https://elsewhere.example/")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRules(t *testing.T) {
	for _, tc := range []struct{ claim, lines, want string }{
		{"without a line, all is served", "", "+ example.com/a; + example.com/a@v1.0.0"},
		{"a path is for itself and all below it", "- example.com/a", "- example.com/a; - example.com/a/b; - example.com/a/b@v1.0.0; + example.com/ab; + example.com"},
		{"the longest path decides, wherever it stands", "+ example.com/a/b; - example.com/a; D example.com/a/b/c",
			"- example.com/a; + example.com/a/b; D example.com/a/b/c/d; + other.example/a"},
		{"a sign alone is for what no other line is about", "-; + example.com/a", "- example.com; + example.com/a; - other.example/a"},
		{"comments, blank lines, tabs and many blanks say nothing", "# - example.com/b; ;   \t-   example.com/a/\t  ", "- example.com/a; + example.com/b"},
		{"a version narrows a rule", "-; + example.com/a v1,v2.3.4; D example.com/a/b v1.2,v0.8.*",
			"+ example.com/a@v1.5.0; - example.com/a@v10.0.0; + example.com/a@v2.3.4; - example.com/a@v2.3.40; - example.com/a@v2.3.5;" +
				" D example.com/a/b@v1.2.3; + example.com/a/b@v1.20.0; D example.com/a/b@v0.8.9; - example.com/a/b@v0.80.0"},
		{"a list has no version, and every rule counts", "-; + example.com/a v1; - example.com/a/b ^v1.2.3", "+ example.com/a; - example.com/a/b"},
		{"a version with a suffix begins as without", "-; + example.com/a v1.2.3,v2", "+ example.com/a@v1.2.3-rc.1; + example.com/a@v2.0.0+incompatible"},
		{"an asterisk after three numbers lifts the bound", "-; + example.com/a v1.2.3*", "+ example.com/a@v1.2.3; + example.com/a@v1.2.30; - example.com/a@v1.2.4"},
		{"a tilde is for later patches", "-; + example.com/a ~v1.2.3,~2.3.40",
			"- example.com/a@v1.2.2; + example.com/a@v1.2.3; + example.com/a@v1.2.10; - example.com/a@v1.3.3; + example.com/a@v2.3.45; - example.com/a@v2.3.39"},
		{"a caret is for later minor versions", "-; + example.com/a ^v1.2.3",
			"- example.com/a@v1.2.2; + example.com/a@v1.2.3; + example.com/a@v1.10.0; - example.com/a@v2.0.0; - example.com/a@v1.1.9"},
		{"less is less or equal", "-; + example.com/a <v2.3.40",
			"+ example.com/a@v1.9.99; + example.com/a@v2.3.39; + example.com/a@v2.3.40; - example.com/a@v2.3.41; - example.com/a@v3.0.0"},
		{"a modifier lets no pre-release in", "-; + example.com/a ^v1.2.3,<v0.9.0", "- example.com/a@v1.4.0-rc.1; - example.com/a@v0.0.0-20200102030405-abcdefabcdef"},
		{"and none through", "- example.com/a ^v1.2.3,<v0.9.0", "- example.com/a@v1.4.0-rc.1; - example.com/a@v0.0.0-20200102030405-abcdefabcdef; + example.com/a@v1.2.3-rc.1"},
		{"an incompatible version is its number", "-; + example.com/a ^v2.0.0", "+ example.com/a@v2.1.0+incompatible"},
		{"a branch is no version", "- example.com/a <v9.0.0", "+ example.com/a@main; + example.com/a@v1.2"},
		{"the same line twice is one", "- example.com/a v1; -\texample.com/a  v1", "- example.com/a@v1.0.0"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			f := filter(t, tc.lines)
			for _, want := range strings.Split(tc.want, "; ") {
				sign, name, _ := strings.Cut(want, " ")
				path, version, _ := strings.Cut(name, "@")
				if got := ruleNames[f.Rule(path, version)]; got != sign {
					t.Errorf("%s: got %s, want %s", name, got, sign)
				}
			}
		})
	}
	t.Run("no filter includes everything", func(t *testing.T) {
		if got := (*policy.Filter)(nil).Rule("example.com/a", "v1.0.0"); got != policy.Include {
			t.Errorf("got %s", ruleNames[got])
		}
	})
	t.Run("a decision allocates nothing", func(t *testing.T) {
		f := filter(t, "-; + example.com/a/b ^v1.2.3")
		if n := testing.AllocsPerRun(100, func() { f.Rule("example.com/a/b/c", "v1.5.0") }); n > 0 {
			t.Errorf("got %v allocations", n)
		}
	})
}

func TestAWrongLineIsToldWithItsNumber(t *testing.T) {
	for _, tc := range []struct{ claim, line, want string }{
		{"another sign", "E example.com/a", "want +, - or D"},
		{"a path without a sign", "example.com/a", "want +, - or D"},
		{"a sign without a blank", "-example.com/a", "want +, - or D"},
		{"a fourth word", "- example.com/a v1 v2", "want +, - or D"},
		{"an asterisk in a path", "- example.com/*", "want the path of a module"},
		{"an escaped path", "- example.com/!a", "want the path of a module"},
		{"no path but a slash", "- /", "want the path of a module"},
		{"a version without its v", "- example.com/a 1.2.3", `version "1.2.3"`},
		{"a remark behind", "- example.com/a #why", `version "#why"`},
		{"an empty version", "- example.com/a v1,,v2", `version ""`},
		{"a modifier without three numbers", "- example.com/a ~v4.5", `version "~v4.5"`},
		{"a modifier with a pre-release", "- example.com/a ^v4.5.6-rc", `version "^v4.5.6-rc"`},
		{"an unknown modifier", "- example.com/a >v4.5.6", `version ">v4.5.6"`},
		{"another rule for the same path", "+ example.com/first", "line 2 is about the same path"},
		{"other versions of the same path", "- example.com/first v1", "line 2 is about the same path"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "filter")
			if err := os.WriteFile(name, []byte("# rules\n- example.com/first\n\n"+tc.line+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := policy.ReadFilter(name, "")
			if err == nil || !strings.HasPrefix(err.Error(), name+":4: ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s:4: and %q", err, name, tc.want)
			}
		})
	}
	t.Run("a file that is not there is named", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "absent")
		if _, err := policy.ReadFilter(name, ""); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a file without an end is not read to it", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "long")
		if err := os.WriteFile(name, []byte(strings.Repeat("# no rule\n", 30_000)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := policy.ReadFilter(name, ""); err == nil || !strings.Contains(err.Error(), "want at most") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a mark before UTF-8 is none of its content", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "marked")
		if err := os.WriteFile(name, []byte("\ufeff- example.com/a\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := policy.ReadFilter(name, ""); err != nil || f.Rule("example.com/a", "") != policy.Exclude {
			t.Errorf("got %+v, %v", f, err)
		}
	})
	t.Run("an endpoint matters to a rule that leads there only", func(t *testing.T) {
		if _, err := policy.ParseFilter("filter", []byte("-\n"), "ftp://x"); err != nil {
			t.Error(err)
		}
		for _, endpoint := range []string{"", "ftp://x", "https://u:sesame@x.example", "javascript:sesame", "https:///sesame", "https://x.example/?sesame"} {
			_, err := policy.ParseFilter("filter", []byte("D\n"), endpoint)
			if err == nil || !strings.Contains(err.Error(), "GlobalEndpoint") || strings.Contains(err.Error(), "sesame") {
				t.Errorf("%s: got %v", endpoint, err)
			}
		}
		if f := filter(t, "D example.com/a"); f.Endpoint != "https://elsewhere.example" {
			t.Errorf("got %q", f.Endpoint)
		}
	})
}

func FuzzFilter(f *testing.F) {
	f.Add("-\n+ example.com/a v1,~v1.2.3\n# x\nD b <v2.0.0", "example.com/a", "v1.2.3")
	f.Add("- example.com/a v1.2.*\r\n+\t a/b", "a/b/c", "")
	f.Add("- a ^1.2.3*\n", "a", "v1.2.3-0.20200102030405-abcdefabcdef")
	f.Add("+ / v1\n-  \n", "", "main")
	f.Fuzz(func(t *testing.T, lines, path, version string) {
		rules, err := policy.ParseFilter("filter", []byte(lines), "https://elsewhere.example")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "filter:") {
				t.Errorf("no line in %q", err)
			}
			return
		}
		if got := rules.Rule(path, version); got > policy.Direct {
			t.Errorf("got %d", got)
		}
		// Lines only add up: one more for a path decides for that path.
		more, err := policy.ParseFilter("filter", []byte(lines+"\n- fuzz.example/x\n"), "https://elsewhere.example")
		if err == nil && more.Rule("fuzz.example/x", version) != policy.Exclude {
			t.Error("a rule that refuses is not obeyed")
		}
	})
}
