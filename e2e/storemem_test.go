package e2e

import (
	"crypto/sha256"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// onDisk writes the zips of vs to files, and makes u send those: what a test
// measures is not to share the machine with what it holds in memory.
func (u *upstream) onDisk(t testing.TB, vs ...version) {
	t.Helper()
	dir := t.TempDir()
	for i, v := range vs {
		name := filepath.Join(dir, fmt.Sprint(i))
		f, err := os.Create(name)
		if err == nil {
			err = v.writeZip(f)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		u.files[v.url("zip")] = func() []byte { return nil }
		u.next(v.url("zip"), func(w http.ResponseWriter, r *http.Request, _ []byte) {
			http.ServeFile(w, r, name)
		})
	}
}

// takeAll has a client for each of vs read its zip, all at once.
func takeAll(t testing.TB, g *gateway, vs []version) {
	var all sync.WaitGroup
	for _, v := range vs {
		all.Go(func() {
			d, err := g.begin(v.url("zip"))
			if err == nil {
				err = d.finish()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// hasZip checks that the zip of v is stored as it is, without holding it.
func (s *s3Server) hasZip(v version) error {
	f, err := os.Open(s.file(v, "zip"))
	if err != nil {
		return err
	}
	defer f.Close()
	got, want := sha256.New(), sha256.New()
	if _, err := io.Copy(got, f); err != nil {
		return err
	}
	if err := v.writeZip(want); err != nil {
		return err
	}
	if string(got.Sum(nil)) != string(want.Sum(nil)) {
		return fmt.Errorf("stored: %s is another zip", f.Name())
	}
	return nil
}

// TestBigZipIsOneRequest saves zips that clients of the S3 protocol like to send in
// parts, each of which they hold in memory.
func TestBigZipIsOneRequest(t *testing.T) {
	long(t)
	t.Parallel()
	store := newS3Server(t)
	road := newCountedRoad(t, store.addr)
	vs := many(4, "example.com/big", 20<<20)
	u := newUpstream(t, vs...)
	u.onDisk(t, vs...)
	g := start(t, options{upstream: u.URL, env: store.env(road.Listener.Addr().String())})
	takeAll(t, g, vs)
	g.saved()
	for _, v := range vs {
		if err := store.hasZip(v); err != nil {
			t.Error(err)
		}
	}
	asked, _ := road.since(t, 0)
	writes := slices.DeleteFunc(asked, func(what string) bool { return what[:4] == "GET " || what[:5] == "HEAD " })
	wantAsked(t, writes, storeRequests("PUT", vs, kinds...))
}

// BenchmarkSavesMemory has ten clients ask at once for a cold zip of 100 MB each, and
// reads the most memory that modtier had resident until all were in the store. The
// issue's bound is 256 MiB.
func BenchmarkSavesMemory(b *testing.B) {
	vs := many(10, "example.com/large", 100_000_000)
	for b.Loop() {
		store := newS3Server(b)
		u := newUpstream(b, vs...)
		u.onDisk(b, vs...)
		g := start(b, options{upstream: u.URL, env: store.env("", "MODTIER_QUEUE_WORKERS=10")})
		idle := peakMemory(b, g.cmd.Process.Pid)
		from := time.Now()
		takeAll(b, g, vs)
		served := time.Since(from)
		g.saved()
		b.ReportMetric(served.Seconds(), "served-s")
		b.ReportMetric(time.Since(from).Seconds(), "saved-s")
		b.ReportMetric(idle, "idle-MiB")
		b.ReportMetric(peakMemory(b, g.cmd.Process.Pid), "peak-MiB")
		b.ReportMetric(0, "ns/op")
		for _, v := range vs {
			if err := store.hasZip(v); err != nil {
				b.Error(err)
			}
		}
		g.stop()
	}
}

// saveInto sends v to the store that a gateway is for others, as Athens does. It
// returns the status.
func saveInto(t testing.TB, address string, v version) int {
	t.Helper()
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() {
		w.CloseWithError(func() error {
			for _, kind := range kinds {
				part, err := form.CreateFormFile("mod."+kind, "mod."+kind)
				if err == nil && kind == "zip" {
					err = v.writeZip(part)
				} else if err == nil {
					_, err = part.Write(v.file(kind))
				}
				if err != nil {
					return err
				}
			}
			return form.Close()
		}())
	}()
	req, err := http.NewRequestWithContext(t.Context(), "POST", address+v.url("save"), r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.SetBasicAuth(serveUser, servePass)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Errorf("a save of %s: status %d: %s", v.path, resp.StatusCode, text)
	}
	return resp.StatusCode
}

// BenchmarkServedSaveMemory saves 400 MB through the listener for stores, into the
// disk alone and into an S3 store below it, and reads the most memory that modtier
// had resident. The bound is 100 MiB.
func BenchmarkServedSaveMemory(b *testing.B) {
	v := version{path: "example.com/vast", version: "v1.0.0", size: 400_000_000}
	for b.Loop() {
		for _, below := range []string{"disk", "s3"} {
			env := serving()
			var store *s3Server
			if below == "s3" {
				store = newS3Server(b)
				env = store.env("", env...)
			}
			g := start(b, options{env: env})
			from := time.Now()
			saveInto(b, g.storeURL(), v)
			if store != nil {
				g.saved()
				if err := store.hasZip(v); err != nil {
					b.Error(err)
				}
			}
			b.ReportMetric(time.Since(from).Seconds(), below+"-s")
			b.ReportMetric(peakMemory(b, g.cmd.Process.Pid), below+"-peak-MiB")
			g.stop()
		}
		b.ReportMetric(0, "ns/op")
	}
}
