package external_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/external"
	"github.com/modtier/modtier/tiers/tierstest"
)

// form returns the body of a save with these parts, and its content type.
func form(t *testing.T, parts ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		p, err := w.CreateFormField(parts[i])
		if err == nil {
			_, err = p.Write([]byte(parts[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

var plain = module.Version{Path: "example.com/m", Version: "v1.0.0"}

func TestPartsMayComeInAnyOrder(t *testing.T) {
	t.Parallel()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	f := tierstest.Version(plain, "a")
	part := func(k tiers.Kind) []string { return []string{"mod." + k.String(), string(tierstest.Bytes(f, k))} }
	info, mod, zip := part(tiers.Info), part(tiers.Mod), part(tiers.Zip)
	for _, order := range [][][]string{
		{info, mod, zip}, {info, zip, mod}, {mod, info, zip}, {mod, zip, info}, {zip, info, mod}, {zip, mod, info},
		{{"mod.else", "x"}, zip, {"mod.else", "y"}, info, mod},
	} {
		d, spool := openDisk(t), t.TempDir()
		url := serve(t, &external.Handler{Store: d, SpoolDir: spool, Log: testLog(t)})
		var parts []string
		for _, p := range order {
			parts = append(parts, p...)
		}
		body, contentType := form(t, parts...)
		status, _, text := ask(t, "POST", url+"/example.com/m/@v/v1.0.0.save", strings.NewReader(body), "Content-Type", contentType)
		if status != 200 || len(text) != 0 {
			t.Errorf("got %d %q, want 200 and nothing", status, text)
		}
		tierstest.Holds(t, d, plain, f)
		isEmpty(t, spool)
	}
}

// isEmpty checks that nothing is left in a directory, nor open that was there.
func isEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("%s: got %v, error %v, want nothing", dir, left, err)
	}
	open, _ := os.ReadDir("/proc/self/fd") // where there is one
	for _, e := range open {
		if name, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(name, dir+"/") {
			t.Errorf("%s is still open", name)
		}
	}
}

func TestBrokenBodiesSaveNothing(t *testing.T) {
	t.Parallel()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	const maxZip = 1 << 20
	good, contentType := form(t, "mod.info", "INFO", "mod.mod", "MOD", "mod.zip", "ZIP")
	boundary := strings.TrimPrefix(contentType, "multipart/form-data; boundary=")
	of := func(parts ...string) string {
		b, own := form(t, parts...)
		return strings.ReplaceAll(b, strings.TrimPrefix(own, "multipart/form-data; boundary="), boundary)
	}
	for _, tc := range []struct {
		claim, body, contentType string
		status                   int
		says                     string
	}{
		{"nothing", "", contentType, 400, "EOF"},
		{"no form", good, "application/json", 400, "multipart"},
		{"no content type", good, "", 400, "multipart"},
		{"no boundary", good, "multipart/form-data", 400, "boundary"},
		{"another boundary", good, contentType + "x", 400, "EOF"},
		{"a form cut short in the zip", good[:strings.Index(good, "ZIP")+2], contentType, 400, "EOF"},
		{"a form cut short in a header", good[:strings.Index(good, "mod.zip")+2], contentType, 400, "no part mod.zip"},
		{"a form cut short before its last boundary", good[:strings.LastIndex(good, "--"+boundary)], contentType, 400, "EOF"},
		{"no info", of("mod.mod", "MOD", "mod.zip", "ZIP"), contentType, 400, "mod.info"},
		{"no go.mod", of("mod.info", "INFO", "mod.zip", "ZIP"), contentType, 400, "mod.mod"},
		{"no zip", of("mod.info", "INFO", "mod.mod", "MOD"), contentType, 400, "mod.zip"},
		{"an empty info", of("mod.info", "", "mod.mod", "MOD", "mod.zip", "ZIP"), contentType, 400, "mod.info is empty"},
		{"an empty go.mod", of("mod.info", "INFO", "mod.mod", "", "mod.zip", "ZIP"), contentType, 400, "mod.mod is empty"},
		{"an empty zip", of("mod.info", "INFO", "mod.mod", "MOD", "mod.zip", ""), contentType, 400, "mod.zip is empty"},
		{"two zips", of("mod.info", "INFO", "mod.mod", "MOD", "mod.zip", "ZIP", "mod.zip", "PIZ"), contentType, 400, "two parts mod.zip"},
		{"two infos", of("mod.info", "INFO", "mod.info", "INFO", "mod.mod", "MOD", "mod.zip", "ZIP"), contentType, 400, "two parts mod.info"},
		{"a zip too large", of("mod.info", "INFO", "mod.mod", "MOD", "mod.zip", strings.Repeat("x", maxZip+1)), contentType, 413, "request body too large"},
		{"an info too large", of("mod.info", strings.Repeat("x", 16<<20+1)), contentType, 413, "request body too large"},
		{"a body too large", of("mod.else", strings.Repeat("x", 40<<20)), contentType, 413, "request body too large"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			spool := t.TempDir()
			url := serve(t, &external.Handler{Store: touchy{t}, SpoolDir: spool, MaxZip: maxZip, Log: testLog(t)})
			for _, body := range []io.Reader{strings.NewReader(tc.body), io.MultiReader(strings.NewReader(tc.body))} { // with a length, and chunked
				status, _, text := ask(t, "POST", url+"/example.com/m/@v/v1.0.0.save", body, "Content-Type", tc.contentType)
				if status != tc.status || !strings.Contains(string(text), tc.says) {
					t.Errorf("got %d %q, want %d with %q", status, text, tc.status, tc.says)
				}
			}
			isEmpty(t, spool)
		})
	}
	t.Run("what the store finds corrupt is a bad body", func(t *testing.T) {
		d := openDisk(t)
		url := serve(t, &external.Handler{Store: d, SpoolDir: t.TempDir(), Log: testLog(t)})
		status, _, text := ask(t, "POST", url+"/example.com/m/@v/v1.0.0.save", strings.NewReader(good), "Content-Type", contentType)
		if status != 400 || !strings.Contains(string(text), "corrupt") {
			t.Errorf("got %d %q, want 400 with %q", status, text, "corrupt")
		}
		tierstest.Lacks(t, d, plain)
	})
	t.Run("a spool that cannot be made is no fault of the body", func(t *testing.T) {
		url := serve(t, &external.Handler{Store: touchy{t}, SpoolDir: t.TempDir() + "/missing", Log: testLog(t)})
		status, _, text := ask(t, "POST", url+"/example.com/m/@v/v1.0.0.save", strings.NewReader(good), "Content-Type", contentType)
		if status != 500 {
			t.Errorf("got %d %q, want 500", status, text)
		}
	})
}
