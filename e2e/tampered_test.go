package e2e

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// A checksumDatabase is a checksum database (https://go.dev/ref/mod#checksum-database)
// whose log has one record for each of a few versions, and fits into one tile.
type checksumDatabase struct {
	*httptest.Server
	key     string // as GOSUMDB has it
	records map[string]int
	texts   []string
	tile    []byte // the hashes of the records
	head    string // signed
}

const databaseName = "sum.example"

func newChecksumDatabase(t testing.TB, vs ...version) *checksumDatabase {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &checksumDatabase{records: make(map[string]int)}
	var hashes [][]byte
	for i, v := range vs {
		zipHash, modHash := v.sums(t)
		text := fmt.Sprintf("%s %s %s\n%[1]s %[2]s/go.mod %[4]s\n", v.path, v.version, zipHash, modHash)
		leaf := sha256.Sum256([]byte("\x00" + text))
		d.records["/lookup/"+escape(v.path)+"@"+escape(v.version)] = i
		d.texts = append(d.texts, text)
		hashes = append(hashes, leaf[:])
	}
	d.tile = bytes.Join(hashes, nil)
	head := fmt.Sprintf("go.sum database tree\n%d\n%s\n", len(vs), base64.StdEncoding.EncodeToString(treeHash(hashes)))
	algorithm := append([]byte{1}, public...) // 1 is Ed25519
	id := sha256.Sum256(append([]byte(databaseName+"\n"), algorithm...))
	d.key = fmt.Sprintf("%s+%x+%s", databaseName, id[:4], base64.StdEncoding.EncodeToString(algorithm))
	signature := append(id[:4:4], ed25519.Sign(private, []byte(head))...)
	d.head = head + "\n— " + databaseName + " " + base64.StdEncoding.EncodeToString(signature) + "\n"
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

// treeHash returns the hash of a Merkle tree (RFC 6962, section 2.1).
func treeHash(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		return leaves[0]
	}
	half := 1
	for half*2 < len(leaves) {
		half *= 2
	}
	h := sha256.Sum256(slices.Concat([]byte{1}, treeHash(leaves[:half]), treeHash(leaves[half:])))
	return h[:]
}

func (d *checksumDatabase) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, known := d.records[r.URL.Path]
	switch {
	case known:
		fmt.Fprintf(w, "%d\n%s\n%s", n, d.texts[n], d.head)
	case r.URL.Path == "/latest":
		io.WriteString(w, d.head)
	case r.URL.Path == fmt.Sprintf("/tile/8/0/000.p/%d", len(d.texts)):
		w.Write(d.tile)
	default:
		http.NotFound(w, r)
	}
}

// sums returns the hashes of v that go.sum has.
func (v version) sums(t testing.TB) (ofZip, ofMod string) {
	t.Helper()
	b := v.file("zip")
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, f := range z.File {
		r, err := f.Open()
		if err == nil {
			files[f.Name], err = io.ReadAll(r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return sumLine(files), sumLine(map[string][]byte{"go.mod": v.file("mod")})
}

// sumLine returns the h1 hash of files.
func sumLine(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum := sha256.Sum256(files[name])
		fmt.Fprintf(h, "%s  %s\n", hex.EncodeToString(sum[:]), name)
	}
	return "h1:" + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// tamper replaces a file of the upstream; nil mends it.
func (u *upstream) tamper(v version, kind string, content []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.files[v.url(kind)] = func() []byte {
		if content == nil {
			return v.file(kind)
		}
		return content
	}
}

// TestTamperedUpstream has an upstream that sends other files than a version has,
// as a checksum database tells.
func TestTamperedUpstream(t *testing.T) {
	t.Parallel()
	store := newS3Server(t)
	zipped := version{path: "example.com/zipped", version: "v1.0.0", size: 50_000}
	modded := version{path: "example.com/modded", version: "v1.0.0", size: 50_000}
	foreign := version{path: "example.com/foreign", version: "v1.0.0", size: 50_000}
	informed := version{path: "example.com/Informed", version: "v1.0.0", size: 50_000}
	waited := version{path: "example.com/waited", version: "v1.0.0", size: 50_000}
	good := version{path: "example.com/good", version: "v1.0.0", size: 50_000}
	all := []version{zipped, modded, foreign, informed, waited, good}
	d := newChecksumDatabase(t, all...)
	u := newUpstream(t, all...)
	env := store.env("", "ATHENS_SUM_DBS="+d.key+" "+d.URL)
	g := start(t, options{upstream: u.URL, env: env})

	corrupt := func(t *testing.T) (verifications, fills float64) {
		t.Helper()
		return g.metric("modtier_verifications_total", `result="corrupt"`), g.metric("modtier_fills_total", `outcome="corrupt"`)
	}
	// refused checks that nobody gets a file, and who asks is told why.
	refused := func(t *testing.T, g *gateway, v version, kind string, want ...string) {
		t.Helper()
		for range 2 {
			status, text, err := g.get(v.url(kind))
			if err != nil || status != http.StatusBadGateway {
				t.Errorf("%s: got status %d, %v, want 502", v.url(kind), status, err)
			}
			for _, w := range append(want, v.path+"@"+v.version) {
				if !strings.Contains(string(text), w) {
					t.Errorf("%s: got %.200q, want %q in it", v.url(kind), text, w)
				}
			}
		}
	}
	// logged checks that one line of the log says that v is not saved, and why.
	logged := func(t *testing.T, g *gateway, v version, want ...string) {
		t.Helper()
		line := g.logs(`"level":"ERROR"`, v.path)
		for _, w := range want {
			if !strings.Contains(line, w) {
				t.Errorf("the log says %s, want %s in it", line, w)
			}
		}
	}
	// rejected waits until the corrupt file of v is found out.
	rejected := func(t *testing.T, before float64) {
		t.Helper()
		g.saved()
		if after, _ := corrupt(t); after != before+1 {
			t.Errorf("verifications that found a corrupt file: got %v more, want 1", after-before)
		}
	}

	t.Run("what is as the database has it is saved, and the go command agrees", func(t *testing.T) {
		g.serves(good)
		g.saved()
		store.hasOnly(good)
		c := newGo(t, g.url, "")
		c.env = append(c.env, "GONOSUMDB=", "GOSUMDB="+d.key+" "+d.URL)
		c.run("mod", "download", good.path+"@"+good.version)
	})
	t.Run("a zip with another hash is not saved, and the next client does not get it", func(t *testing.T) {
		other := zipped
		other.copy = "tampered"
		u.tamper(zipped, "zip", other.file("zip"))
		got, _ := other.sums(t)
		want, _ := zipped.sums(t)
		verifications, fills := corrupt(t)
		if _, _, err := g.get(zipped.url("zip")); err != nil {
			t.Error(err) // the first one gets it as it comes, and knows by its go.sum
		}
		rejected(t, verifications)
		store.hasOnly(good)
		logged(t, g, zipped, got, want)
		refused(t, g, zipped, "zip", got, want)
		g.rest()
		if _, after := corrupt(t); after != fills+2 {
			t.Errorf("fills that brought a corrupt file: got %v more, want 2", after-fills)
		}
		store.hasOnly(good)
	})
	t.Run("a go.mod with another hash is not saved, and the next client does not get it", func(t *testing.T) {
		tampered := append(modded.file("mod"), "\nrequire example.com/evil v1.0.0\n"...)
		u.tamper(modded, "mod", tampered)
		_, want := modded.sums(t)
		got := sumLine(map[string][]byte{"go.mod": tampered})
		verifications, _ := corrupt(t)
		if _, _, err := g.get(modded.url("mod")); err != nil {
			t.Error(err)
		}
		rejected(t, verifications)
		logged(t, g, modded, got, want)
		refused(t, g, modded, "mod", got, want)
		store.hasOnly(good)
	})
	t.Run("so it is with a go.mod of another module", func(t *testing.T) {
		u.tamper(foreign, "mod", good.file("mod"))
		verifications, _ := corrupt(t)
		if _, _, err := g.get(foreign.url("mod")); err != nil {
			t.Error(err)
		}
		rejected(t, verifications)
		_, want := foreign.sums(t)
		_, got := good.sums(t)
		logged(t, g, foreign, got, want)
		refused(t, g, foreign, "mod", got, want)
		store.hasOnly(good)
	})
	t.Run("an info of another version is not even served", func(t *testing.T) {
		u.tamper(informed, "info", []byte(`{"Version":"v1.0.1","Time":"2026-01-02T03:04:05Z"}`))
		_, fills := corrupt(t)
		refused(t, g, informed, "info", "v1.0.1")
		g.rest()
		if _, after := corrupt(t); after != fills+2 {
			t.Errorf("fills that brought a corrupt file: got %v more, want 2", after-fills)
		}
		// Its other files are good, and yet there is no whole version to save.
		g.serves(informed, "mod", "zip")
		if slices.Contains(store.objects(), informed.key("info")) {
			t.Error("the store has an info that nobody sent")
		}
	})
	t.Run("who waits for the save does not get it either", func(t *testing.T) {
		other := waited
		other.copy = "tampered"
		u.tamper(waited, "zip", other.file("zip"))
		dir := t.TempDir()
		through := start(t, options{upstream: u.URL, dir: dir, env: append(slices.Clip(env), "MODTIER_WRITE=through")})
		status, body, err := through.get(waited.url("zip"))
		if err == nil && status == http.StatusOK && sumOf(body) == sumOf(other.file("zip")) {
			t.Error("the first client has got the whole of a tampered zip")
		}
		refused(t, through, waited, "zip", "checksum database")
		through.saved()
		for _, name := range kept(t, dir) {
			if name == waited.name("zip") {
				t.Errorf("the disk keeps %s", name)
			}
		}
	})
	t.Run("once the upstream is mended all is served and saved", func(t *testing.T) {
		u.tamper(zipped, "zip", nil)
		u.tamper(modded, "mod", nil)
		u.tamper(foreign, "mod", nil)
		u.tamper(informed, "info", nil)
		u.tamper(waited, "zip", nil)
		for _, v := range all {
			g.serves(v)
		}
		g.saved()
		store.hasOnly(all...)
	})
}
