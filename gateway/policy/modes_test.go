package policy_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modtier/modtier/gateway/policy"
)

const sample = `
downloadURL = "https://proxy.example/all/"
mode        = "async_redirect"

download "example.com/team/*" {
  mode = "sync"
}
download "*.example.org" {
  mode = "none"
}
download "big.example" {
  mode        = "redirect"
  downloadURL = "https://big.example:8080"
}
download "big.example/later" {
  mode        = "async"
  downloadURL = "https://nobody.example"
}
download "plain.example" {
  mode = "redirect"
}
download "plain.example/x,plain.example/y/" {
  mode        = "none"
  downloadURL = "https://x.example"
}
`

func TestModes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "modes.hcl")
	if err := os.WriteFile(name, []byte(sample), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"file:" + name, "custom:" + base64.StdEncoding.EncodeToString([]byte(sample))} {
		m, err := policy.ParseModes(value, "https://unused.example")
		if err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			claim, path string
			mode        policy.Mode
			url         string
		}{
			{"what no block is about is as the top says", "other.example/x", policy.AsyncRedirect, "https://proxy.example/all"},
			{"a pattern is for the first elements of a path", "example.com/team/a/b", policy.Sync, ""},
			{"and for all of them", "example.com/team", policy.AsyncRedirect, "https://proxy.example/all"},
			{"an asterisk ends at a slash", "git.example.org/x", policy.None, ""},
			{"the first block decides", "big.example/later", policy.Redirect, "https://big.example:8080"},
			{"a block without a URL takes the one at the top", "plain.example/a", policy.Redirect, "https://proxy.example/all"},
			{"or that of the next block about the module", "plain.example/x/a", policy.Redirect, "https://x.example"},
			{"of several patterns one will do", "plain.example/y", policy.Redirect, "https://x.example"},
		} {
			t.Run(tc.claim, func(t *testing.T) {
				mode, url := m.For(tc.path)
				if !mode.Redirects() {
					url = ""
				}
				if mode != tc.mode || url != tc.url {
					t.Errorf("%s: got %d, %q, want %d, %q", tc.path, mode, url, tc.mode, tc.url)
				}
			})
		}
	}
	t.Run("a name alone is for all modules", func(t *testing.T) {
		for name, want := range map[string]policy.Mode{
			"sync": policy.Sync, "async": policy.Async, "redirect": policy.Redirect, "async_redirect": policy.AsyncRedirect, "none": policy.None,
		} {
			m, err := policy.ParseModes(name, "http://proxy.example")
			if err != nil {
				t.Fatal(err)
			}
			if mode, url := m.For("example.com/a"); mode != want || mode.Redirects() && url != "http://proxy.example" {
				t.Errorf("%s: got %d, %q", name, mode, url)
			}
		}
	})
	t.Run("no modes fetch", func(t *testing.T) {
		if mode, _ := (*policy.Modes)(nil).For("example.com/a"); mode != policy.Sync {
			t.Errorf("got %d", mode)
		}
	})
	t.Run("DownloadURL stands in for one that the file lacks", func(t *testing.T) {
		m, err := policy.ParseModes("custom:"+base64.StdEncoding.EncodeToString([]byte(`mode = "redirect"`)), "https://proxy.example")
		if err != nil {
			t.Fatal(err)
		}
		if _, url := m.For("example.com/a"); url != "https://proxy.example" {
			t.Errorf("got %q", url)
		}
	})
}

func TestWrongModesAreAnErrorAtOnce(t *testing.T) {
	custom := func(s string) string { return "custom:" + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tc := range []struct{ claim, value, url, want string }{
		{"no name", "", "", "want a mode"},
		{"an unknown name", "sesame", "", "want a mode"},
		{"a file that is not there", "file:/no/such/file", "", "/no/such/file"},
		{"text that is not base64", "custom:sesame!", "", "want base64"},
		{"text that is not HCL", custom(`mode = "sync" {`), "", "custom:1: "},
		{"an unknown mode at the top", custom(`mode = "sesame"`), "", "custom: mode: want a mode"},
		{"no mode at the top", custom(`downloadURL = "https://x.example"`), "", `"mode"`},
		{"an unknown mode in a block", custom("mode = \"sync\"\n\ndownload \"x\" {\n  mode = \"sesame\"\n}"), "", "custom:3: want a mode"},
		{"no mode in a block", custom("mode = \"sync\"\ndownload \"x\" {\n}"), "", `custom:2: Missing required argument: The argument "mode"`},
		{"a URL by another name", custom("mode = \"sync\"\ndownload \"x\" {\n mode = \"redirect\"\n url = \"https://sesame\"\n}"), "", `custom:4: Unsupported argument: An argument named "url"`},
		{"a block without a pattern", custom("mode = \"sync\"\ndownload {\n mode = \"sync\"\n}"), "", "custom:2: "},
		{"an empty pattern", custom("mode = \"sync\"\ndownload \"\" {\n mode = \"none\"\n}"), "", "custom:2: want a pattern"},
		{"a pattern that is none", custom("mode = \"sync\"\ndownload \"a[\" {\n mode = \"none\"\n}"), "", "custom:2: want a pattern"},
		{"an unknown block", custom("mode = \"sync\"\nupload \"a\" {\n mode = \"none\"\n}"), "", "custom:2: "},
		{"a mode that is no text", custom("mode = sesame"), "", "custom:1: Variables not allowed"},
		{"a mode that is nothing", custom("mode = null"), "", "custom:1: mode: want text in quotes"},
		{"a mode that is a list", custom(`mode = ["sesame"]`), "", "custom:1: mode: want text in quotes"},
		{"a URL made by a function", custom("mode = \"redirect\"\ndownloadURL = env(\"sesame\")"), "", "custom:2: Function calls not allowed"},
		{"a redirect to nowhere", "redirect", "", "DownloadURL: want an http or https URL"},
		{"a redirect to nowhere in a file", custom(`mode = "redirect"`), "", "downloadURL: want an http or https URL"},
		{"a redirect to nowhere in a block", custom("mode = \"sync\"\ndownload \"x\" {\n mode = \"async_redirect\"\n}"), "", "custom:2: downloadURL: want an http or https URL"},
		{"a redirect to another scheme", "redirect", "file:///etc/sesame", "want an http or https URL"},
		{"a redirect with a password", "async_redirect", "https://u:sesame@x.example", "without credentials"},
		{"a redirect with a query", "redirect", "https://x.example/?token=sesame", "without a query"},
		{"a redirect with a new line", "redirect", "https://x.example/\r\nsesame: 1", "want an http or https URL"},
		{"a URL of another scheme that is not used", custom("mode = \"sync\"\ndownload \"x\" {\n mode = \"sync\"\n downloadURL = \"ftp://sesame\"\n}"), "", "custom:2: downloadURL: want"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			_, err := policy.ParseModes(tc.value, tc.url)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q in it", err, tc.want)
			}
			if strings.Contains(err.Error(), "sesame") {
				t.Errorf("a value in %q", err)
			}
		})
	}
}

func TestADigestIsOfWhatFilesHold(t *testing.T) {
	digest := func(filter, modes string) string {
		t.Helper()
		f, err := policy.ParseFilter(t.Name(), []byte(filter), "")
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "modes")
		if err := os.WriteFile(name, []byte(modes), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := policy.ParseModes("file:"+name, "")
		if err != nil {
			t.Fatal(err)
		}
		return policy.Policy{Filter: f, Modes: m}.Digest()
	}
	want := digest("-", `mode = "none"`)
	if got := digest("-", `mode = "none"`); got != want {
		t.Errorf("files at another place: got %s, want %s", got, want)
	}
	if digest("+", `mode = "none"`) == want || digest("-", `mode = "sync"`) == want || (policy.Policy{}).Digest() == want {
		t.Error("files that hold something else have the same digest")
	}
}

func FuzzModes(f *testing.F) {
	f.Add(sample, "example.com/team/x")
	f.Add(`mode = "none"`, "a")
	f.Add("mode = \"${\"sync\"}\"\ndownload \"a[\" { mode = 1 }", "a")
	f.Add("mode = <<E\nsync\nE\ndownloadURL = \"https://x\\u000a\"", "a")
	f.Add("mode = null ? \"a\" : \"sync\"\ndownload \"a\" \"b\" {}", "a")
	f.Fuzz(func(t *testing.T, content, path string) {
		m, err := policy.ParseModes("custom:"+base64.StdEncoding.EncodeToString([]byte(content)), "")
		if err != nil {
			return
		}
		mode, url := m.For(path)
		if mode > policy.None {
			t.Errorf("got mode %d", mode)
		}
		if mode.Redirects() && !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") || strings.ContainsAny(url, "\r\n@ ") && mode.Redirects() {
			t.Errorf("a redirect leads to %q", url)
		}
	})
}
