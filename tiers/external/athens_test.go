package external_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/external"
	"github.com/modtier/modtier/tiers/tierstest"
)

// A stock server behaves as Athens' own external store does: it takes bodies of
// 1 MiB, answers 400 to every error of a save, decodes names but the one in a
// list, refuses upper case in a version, and lets the last save win.
type stock struct {
	mu    sync.Mutex // guards what follows
	files map[string][]byte
	saves int
}

func newStock() *stock { return &stock{files: make(map[string][]byte)} }

func (s *stock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, file, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/@v/")
	dot := strings.LastIndexByte(file, '.')
	switch {
	case !ok || dot < 0 && file != "list":
		http.NotFound(w, r)
		return
	case file == "list":
		var vs []string
		for f := range s.files {
			if v, ok := strings.CutPrefix(f, name+" "); ok && strings.HasSuffix(v, ".info") {
				vs = append(vs, strings.TrimSuffix(v, ".info"))
			}
		}
		slices.Sort(vs)
		io.WriteString(w, strings.Join(vs, "\n"))
		return
	}
	path, err := module.UnescapePath(name)
	version, verr := module.UnescapeVersion(file[:dot])
	if err = errors.Join(err, verr); err != nil {
		http.Error(w, "invalid module path encoding", 400)
		return
	}
	prefix := path + " " + version + "."
	switch action := file[dot+1:]; action {
	case "save":
		if err := s.save(w, r, prefix); err != nil {
			http.Error(w, err.Error(), 400)
		}
	case "delete":
		if s.files[prefix+"info"] == nil {
			http.Error(w, "not found", 404)
		}
		for _, k := range tierstest.Kinds {
			delete(s.files, prefix+k.String())
		}
	default:
		b := s.files[prefix+action]
		if b == nil {
			http.Error(w, "not found", 404)
			return
		}
		w.Write(b)
	}
}

func (s *stock) save(w http.ResponseWriter, r *http.Request, prefix string) error {
	s.saves++
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseMultipartForm(500 << 20); err != nil {
		return err
	}
	for _, k := range tierstest.Kinds {
		f, _, err := r.FormFile("mod." + k.String())
		if err != nil {
			return err
		}
		if s.files[prefix+k.String()], err = io.ReadAll(f); err != nil {
			return err
		}
	}
	return nil
}

func TestServersOfAthens(t *testing.T) {
	t.Parallel()
	t.Run("keep versions of every form", func(t *testing.T) {
		c := dial(t, serve(t, newStock()))
		for _, v := range []module.Version{
			azure,
			{Path: "example.com/m", Version: "v1.0.0"},
			{Path: "example.com/m", Version: "v2.0.0+incompatible"},
			{Path: "gopkg.in/yaml.v2", Version: "v2.4.0"},
		} {
			f := tierstest.Version(v, "a")
			tierstest.Lacks(t, c, v)
			if err := c.Delete(t.Context(), v); err == nil {
				t.Errorf("delete %s before: got no error", v)
			}
			if err := c.Save(t.Context(), v, f); err != nil {
				t.Errorf("save %s: %v", v, err)
			}
			tierstest.Holds(t, c, v, f)
		}
		tierstest.Lists(t, c, azure.Path, azure.Version)
		tierstest.Lists(t, c, "example.com/m", "v1.0.0", "v2.0.0+incompatible")
		tierstest.Lists(t, c, "example.com/None")
		if err := c.Delete(t.Context(), azure); err != nil {
			t.Error(err)
		}
		tierstest.Lacks(t, c, azure)
	})
	t.Run("keep the first save though the last one would win", func(t *testing.T) {
		s := newStock()
		c := dial(t, serve(t, s))
		first := tierstest.Version(azure, "first")
		for _, f := range []tiers.Files{first, tierstest.Version(azure, "second"), first} {
			if err := c.Save(t.Context(), azure, f); err != nil {
				t.Error(err)
			}
		}
		tierstest.Holds(t, c, azure, first)
		if s.saves != 1 {
			t.Errorf("got %d saves, want 1", s.saves)
		}
	})
	t.Run("take 512,000 bytes and say that 1 MiB is too large", func(t *testing.T) {
		c := dial(t, serve(t, newStock()))
		small := tierstest.Large(azure, "a", 400_000)
		if err := c.Save(t.Context(), azure, small); err != nil {
			t.Errorf("save of %d bytes: %v", small.Zip.Size(), err)
		}
		for _, size := range []int64{1 << 20, 2 << 20, 64 << 20} {
			v := module.Version{Path: "example.com/m", Version: fmt.Sprintf("v1.0.%d", size)}
			err := c.Save(t.Context(), v, tierstest.Large(v, "a", size))
			if !errors.Is(err, tiers.ErrTooLarge) || !strings.Contains(err.Error(), "1 MiB") {
				t.Errorf("save of %d bytes: got error %v, want tiers.ErrTooLarge that names 1 MiB", size, err)
			}
			tierstest.Lacks(t, c, v)
		}
	})
	t.Run("have no catalog", func(t *testing.T) {
		_, _, err := dial(t, serve(t, newStock())).Catalog(t.Context(), "", 7)
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("got error %v, want errors.ErrUnsupported", err)
		}
	})
}

// athensSave sends a save as Athens' client does: chunked, the version as it is,
// and nothing but 200 will do.
func athensSave(url string, v module.Version, f tiers.Files) error {
	escaped, err := module.EscapePath(v.Path)
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	m := multipart.NewWriter(w)
	go func() {
		w.CloseWithError(func() error {
			for _, k := range tierstest.Kinds {
				name := "mod." + k.String()
				p, err := m.CreateFormFile(name, name)
				if err != nil {
					return err
				}
				if _, err := p.Write(tierstest.Bytes(f, k)); err != nil {
					return err
				}
			}
			return m.Close()
		}())
	}()
	defer r.Close()
	resp, err := http.Post(url+"/"+escaped+"/@v/"+v.Version+".save", m.FormDataContentType(), r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 {
		return fmt.Errorf("unexpected status code: %d - body: %s", resp.StatusCode, b)
	}
	return err
}

func TestClientsOfAthens(t *testing.T) {
	t.Parallel()
	d := openDisk(t)
	server := httptest.NewServer(&external.Handler{Store: d, SpoolDir: t.TempDir(), Log: testLog(t)})
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	t.Run("save versions of any case and more than 1 MiB, twice", func(t *testing.T) {
		for _, v := range []module.Version{azure, {Path: "example.com/large", Version: "v1.0.0"}} {
			f := tierstest.Large(v, "a", 3<<20)
			for range 2 {
				if err := athensSave(server.URL, v, f); err != nil {
					t.Errorf("save %s: %v", v, err)
				}
			}
			tierstest.Holds(t, d, v, f)
		}
	})
	t.Run("read with names escaped or not", func(t *testing.T) {
		mod, err := tierstest.ReadFile(t.Context(), d, tierstest.Ref(azure, tiers.Mod))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{
			"/github.com/!azure/m/@v/v1.0.0-RC1.mod", "/github.com/!azure/m/@v/v1.0.0-!r!c1.mod",
			"/github.com/Azure/m/@v/v1.0.0-RC1.mod", "/github.com/%21azure/m/@v/v1.0.0-%21r%21c1.mod",
		} {
			if status, _, body := ask(t, "GET", server.URL+path, nil); status != 200 || !bytes.Equal(body, mod) {
				t.Errorf("%s: got %d %q, want 200 %q", path, status, body, mod)
			}
		}
		for _, path := range []string{"/github.com/!azure/m/@v/list", "/github.com/Azure/m/@v/list"} {
			if status, _, body := ask(t, "GET", server.URL+path, nil); status != 200 || string(body) != "v1.0.0-RC1" {
				t.Errorf("%s: got %d %q, want 200 %q", path, status, body, "v1.0.0-RC1")
			}
		}
	})
	t.Run("learn the length of a zip", func(t *testing.T) {
		_, h, body := ask(t, "GET", server.URL+"/example.com/large/@v/v1.0.0.zip", nil)
		if got, want := h.Get("Content-Length"), fmt.Sprint(len(body)); got != want {
			t.Errorf("Content-Length: got %q, want %q", got, want)
		}
	})
}

// ask sends a request and reads the answer.
func ask(t *testing.T, method, url string, body io.Reader, header ...string) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return resp.StatusCode, resp.Header, b
}
