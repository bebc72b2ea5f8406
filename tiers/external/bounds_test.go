package external_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/external"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestAZipOf100MBTakesUpNoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	d, spool := openDisk(t), t.TempDir()
	c := dial(t, serve(t, &external.Handler{Store: d, SpoolDir: spool, Log: testLog(t)}))
	f := tierstest.Large(azure, "a", 100e6)
	// All that is allocated, in use or not: what stays under a bound here was
	// never more at one time.
	allocated := func(do func()) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		do()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	const most = 16 << 20
	if n := allocated(func() {
		if err := c.Save(t.Context(), azure, f); err != nil {
			t.Error(err)
		}
	}); n > most {
		t.Errorf("save: got %d bytes allocated by client and server, want at most %d", n, most)
	}
	if n := allocated(func() {
		o, err := c.Open(t.Context(), tierstest.Ref(azure, tiers.Zip))
		if err != nil {
			t.Error(err)
			return
		}
		defer o.Body.Close()
		if n, err := io.Copy(io.Discard, o.Body); err != nil || n != f.Zip.Size() || o.Size != n {
			t.Errorf("got %d bytes of %d, error %v, want %d", n, o.Size, err, f.Zip.Size())
		}
	}); n > most {
		t.Errorf("open: got %d bytes allocated by client and server, want at most %d", n, most)
	}
	isEmpty(t, spool)
}

// A slow store takes a while for a save.
type slow struct {
	failing
	takes time.Duration
	saved atomic.Int32
}

func (s *slow) Save(ctx context.Context, _ module.Version, _ tiers.Files) error {
	select {
	case <-time.After(s.takes):
		s.saved.Add(1)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// absent is the store below a slow one.
var absent = failing{os.ErrNotExist}

func TestTimes(t *testing.T) {
	t.Parallel()
	f := tierstest.Version(azure, "a")

	t.Run("a save may take longer than a stall once it has arrived", func(t *testing.T) {
		var s *slow
		bubble(t, func() http.Handler {
			s = &slow{failing: absent, takes: 5 * time.Minute}
			return &external.Handler{Store: s, SpoolDir: t.TempDir(), Log: testLog(t)}
		}, func(t *testing.T, c *external.Client) {
			if err := c.Save(t.Context(), azure, f); err != nil || s.saved.Load() != 1 {
				t.Errorf("got error %v, %d saved", err, s.saved.Load())
			}
		})
	})
	t.Run("and not for ever", func(t *testing.T) {
		var s *slow
		bubble(t, func() http.Handler {
			s = &slow{failing: absent, takes: time.Hour}
			return &external.Handler{Store: s, SpoolDir: t.TempDir(), Log: testLog(t)}
		}, func(t *testing.T, c *external.Client) {
			start := time.Now()
			err := c.Save(t.Context(), azure, f)
			if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 10*time.Minute {
				t.Errorf("got error %v after %v, want a deadline after 10m", err, time.Since(start))
			}
			synctest.Wait()
			if s.saved.Load() != 0 {
				t.Error("it was saved though nobody waits for it")
			}
		})
	})
	t.Run("a save that is cancelled is so at the store", func(t *testing.T) {
		var s *slow
		bubble(t, func() http.Handler {
			s = &slow{failing: absent, takes: time.Hour}
			return &external.Handler{Store: s, SpoolDir: t.TempDir(), Log: testLog(t)}
		}, func(t *testing.T, c *external.Client) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := c.Save(ctx, azure, f); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got error %v, want context.DeadlineExceeded", err)
			}
			time.Sleep(2 * time.Hour)
			if s.saved.Load() != 0 {
				t.Error("it was saved")
			}
		})
	})
	stuck := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" || strings.HasSuffix(r.URL.Path, ".zip") {
			w.Header().Set("Content-Length", "1000000")
			w.Write([]byte("x"))
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	t.Run("a server that does not answer is given up", func(t *testing.T) {
		bubble(t, func() http.Handler { return stuck }, func(t *testing.T, c *external.Client) {
			for what, do := range map[string]func() error{
				"open":     func() error { _, err := c.Open(t.Context(), tierstest.Ref(azure, tiers.Mod)); return err },
				"versions": func() error { _, err := c.Versions(t.Context(), "example.com/m"); return err },
				"delete":   func() error { return c.Delete(t.Context(), azure) },
				"save":     func() error { return c.Save(t.Context(), azure, f) },
			} {
				start := time.Now()
				err := do()
				timeout := errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
				if !timeout || time.Since(start) != 30*time.Second {
					t.Errorf("%s: got error %v after %v, want a deadline after 30s", what, err, time.Since(start))
				}
			}
		})
	})
	t.Run("an error whose text does not come is given up", func(t *testing.T) {
		half := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(500)
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		bubble(t, func() http.Handler { return half }, func(t *testing.T, c *external.Client) {
			start := time.Now()
			_, err := c.Open(t.Context(), tierstest.Ref(azure, tiers.Zip))
			e, ok := errors.AsType[*external.StatusError](err)
			if !ok || e.Status != 500 || e.Text != "half" || time.Since(start) != 30*time.Second {
				t.Errorf("got error %v after %v, want the status after 30s", err, time.Since(start))
			}
		})
	})
	t.Run("a zip that stands still is given up, and one that nobody reads is not", func(t *testing.T) {
		bubble(t, func() http.Handler { return stuck }, func(t *testing.T, c *external.Client) {
			o, err := c.Open(t.Context(), tierstest.Ref(azure, tiers.Zip))
			if err != nil {
				t.Fatal(err)
			}
			defer o.Body.Close()
			time.Sleep(time.Hour)
			if n, err := o.Body.Read(make([]byte, 10)); n != 1 || err != nil {
				t.Errorf("got %d bytes, error %v, want 1", n, err)
			}
			start := time.Now()
			if _, err := o.Body.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
				t.Errorf("got error %v after %v, want a deadline after 1m", err, time.Since(start))
			}
		})
	})
	t.Run("a server that takes no more of a zip is given up", func(t *testing.T) {
		reads := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				http.NotFound(w, r)
				return
			}
			io.ReadFull(r.Body, make([]byte, 100<<10))
			time.Sleep(3 * time.Hour)
		})
		bubble(t, func() http.Handler { return reads }, func(t *testing.T, c *external.Client) {
			start := time.Now()
			err := c.Save(t.Context(), azure, tierstest.Large(azure, "a", 1<<20))
			if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
				t.Errorf("got error %v after %v, want a deadline after 1m", err, time.Since(start))
			}
			time.Sleep(3 * time.Hour) // the server ends
		})
	})
	t.Run("a client that sends next to nothing is cut off", func(t *testing.T) {
		bubble(t, func() http.Handler {
			return &external.Handler{Store: touchy{t}, SpoolDir: t.TempDir(), Log: testLog(t)}
		}, func(t *testing.T, c *external.Client) {
			r, w := io.Pipe()
			defer r.Close()
			go func() {
				io.WriteString(w, "--x\r\nContent-Disposition: form-data; name=\"mod.zip\"\r\n\r\n")
				for {
					if _, err := w.Write([]byte("x")); err != nil {
						return
					}
					time.Sleep(10 * time.Second)
				}
			}()
			start := time.Now()
			req, _ := http.NewRequest("POST", "http://line/example.com/m/@v/v1.0.0.save", r)
			req.Header.Set("Content-Type", "multipart/form-data; boundary=x")
			resp, err := c.HTTP.Do(req)
			// A pipe may end before the client has read why.
			if err == nil {
				resp.Body.Close()
				if resp.StatusCode != 408 {
					t.Errorf("got %d, want 408", resp.StatusCode)
				}
			}
			if d := time.Since(start); d < time.Minute || d > 70*time.Second {
				t.Errorf("got an answer after %v, want a minute", d)
			}
			r.Close()
			time.Sleep(time.Minute) // the writer ends
		})
	})
	t.Run("a client that takes nothing is cut off", func(t *testing.T) {
		var gone chan struct{}
		bubble(t, func() http.Handler {
			gone = make(chan struct{})
			return &external.Handler{Store: endless{gone: gone}, Log: testLog(t)}
		}, func(t *testing.T, c *external.Client) {
			o, err := c.Open(t.Context(), tierstest.Ref(azure, tiers.Zip))
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			<-gone
			if time.Since(start) > time.Minute {
				t.Errorf("got %v, want a minute", time.Since(start))
			}
			o.Body.Close()
		})
	})
}

// An endless store has files without end, and tells when one is closed.
type endless struct {
	failing
	gone chan struct{}
}

func (s endless) Open(context.Context, tiers.Ref) (*tiers.Object, error) {
	return &tiers.Object{Body: s, Size: -1, Tier: "test"}, nil
}
func (s endless) Read(p []byte) (int, error) { return len(p), nil }
func (s endless) Close() error               { close(s.gone); return nil }
