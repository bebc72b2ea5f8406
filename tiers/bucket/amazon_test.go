package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers/tierstest"
)

// A double is a service that answers as a test wants.
type double struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
	log   bytes.Buffer
}

// calls returns what it was asked since the last time: method, key and condition.
func (d *double) calls() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked := d.asked
	d.asked = nil
	return strings.Join(asked, ", ")
}

// onDouble runs a test over both clients of a service that answers so. The n-th
// request has number n, from 1.
func onDouble(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int), test func(t *testing.T, d *double, b *Bucket)) {
	for _, name := range []string{"s3", "minio"} {
		t.Run(name, func(t *testing.T) {
			d := &double{}
			n := 0
			d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				d.mu.Lock()
				n++
				n := n
				d.asked = append(d.asked, strings.TrimSpace(r.Method+" "+r.Header.Get("If-None-Match")))
				d.mu.Unlock()
				answer(w, r, n)
			}))
			t.Cleanup(d.Close)
			o := Options{Timeout: 10 * time.Second, Log: slog.New(slog.NewTextHandler(&d.log, nil))}
			var b *Bucket
			var err error
			if name == "s3" {
				b, err = OpenS3(t.Context(), S3{Options: o, Region: "here", Bucket: "bucket", Endpoint: d.URL, ForcePathStyle: true, Key: "key", Secret: "secret"})
			} else {
				b, err = OpenMinio(t.Context(), Minio{Options: o, Region: "here", Bucket: "bucket", Endpoint: d.URL, Key: "key", Secret: "secret"})
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := d.calls(); got != "" {
				t.Errorf("opening asked %s, want nothing", got)
			}
			test(t, d, b)
		})
	}
}

// say answers with an error of the protocol.
func say(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>Said %s.</Message><RequestId>1</RequestId></Error>`, code, code)
}

// drain reads what a client sends, which some only stop sending then.
func drain(r *http.Request) { io.Copy(io.Discard, r.Body) }

func create(t testing.TB, b *Bucket) error {
	return b.create(t.Context(), "key", "text/plain", section([]byte("content")))
}

func TestWhatOpenMakesOfAnswers(t *testing.T) {
	for _, c := range []struct {
		claim  string
		status int
		code   string // "" is an answer that is none of the protocol's
		absent bool
	}{
		{"no such key is absence", 404, "NoSuchKey", true},
		{"no such bucket is none", 404, "NoSuchBucket", false},
		{"a proxy's 404 is none", 404, "", false},
		{"a 403 is none", 403, "AccessDenied", false},
		{"a 500 is none", 500, "InternalError", false},
		{"a 503 is none", 503, "SlowDown", false},
		{"a 200 that is cut off is none", 200, "", false},
	} {
		t.Run(c.claim, func(t *testing.T) {
			onDouble(t, func(w http.ResponseWriter, r *http.Request, n int) {
				switch {
				case c.status == 200:
					w.Header().Set("Content-Length", "100")
					w.Header().Set("Last-Modified", "Wed, 01 Jan 2020 00:00:00 GMT")
					w.Header().Set("ETag", `"0"`)
					io.WriteString(w, "the beginning")
				case c.code == "":
					http.Error(w, "<html>default backend - 404</html>", c.status)
				default:
					say(w, c.status, c.code)
				}
			}, func(t *testing.T, d *double, b *Bucket) {
				got, err := tierstest.ReadFile(t.Context(), b, zip)
				if err == nil || errors.Is(err, fs.ErrNotExist) != c.absent || c.absent && err != fs.ErrNotExist {
					t.Errorf("got %q, error %v, want an error; absence: %v", got, err, c.absent)
				}
			})
		})
	}
}

func TestCreateOnTheLosingSide(t *testing.T) {
	onDouble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		drain(r)
		say(w, 412, "PreconditionFailed")
	}, func(t *testing.T, d *double, b *Bucket) {
		if err := create(t, b); !errors.Is(err, fs.ErrExist) {
			t.Errorf("got error %v, want fs.ErrExist", err)
		}
		if got := d.calls(); got != "PUT *" {
			t.Errorf("got requests %s, want one PUT", got)
		}
	})
}

func TestCreateWhileAnotherDoes(t *testing.T) {
	onDouble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		drain(r)
		if n < 3 {
			say(w, 409, "ConditionalRequestConflict")
		}
	}, func(t *testing.T, d *double, b *Bucket) {
		if err := create(t, b); err != nil {
			t.Errorf("got error %v, want none once the other has given up", err)
		}
	})
	onDouble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		drain(r)
		say(w, 409, "ConditionalRequestConflict")
	}, func(t *testing.T, d *double, b *Bucket) {
		if err := create(t, b); err == nil || errors.Is(err, fs.ErrExist) {
			t.Errorf("got error %v, want that of a conflict that does not end", err)
		}
	})
}

func TestServiceWithoutConditions(t *testing.T) {
	stored := false
	onDouble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		drain(r)
		switch {
		case n == 1:
			stored = false
			fallthrough
		case r.Header.Get("If-None-Match") != "":
			say(w, 501, "NotImplemented")
		case r.Method == http.MethodPut:
			stored = true
		case r.Method == http.MethodHead && !stored:
			w.WriteHeader(404)
		case r.Method == http.MethodHead:
			w.Header().Set("Last-Modified", "Wed, 01 Jan 2020 00:00:00 GMT")
			w.Header().Set("ETag", `"0"`)
			w.Header().Set("Content-Length", "7")
		case r.Method == http.MethodDelete:
			stored = false
			w.WriteHeader(204)
		}
	}, func(t *testing.T, d *double, b *Bucket) {
		if err := create(t, b); err != nil {
			t.Fatal(err)
		}
		if got, want := d.calls(), "PUT *, HEAD, PUT"; got != want {
			t.Errorf("got requests %s, want %s", got, want)
		}
		if err := create(t, b); !errors.Is(err, fs.ErrExist) {
			t.Errorf("got error %v, want fs.ErrExist", err)
		}
		if got, want := d.calls(), "HEAD"; got != want {
			t.Errorf("then got requests %s, want %s", got, want)
		}
		if err := b.remove(t.Context(), "key"); err != nil {
			t.Fatal(err)
		}
		if ok, err := b.Conditional(t.Context()); ok || err != nil {
			t.Errorf("Conditional: got %v, error %v, want false", ok, err)
		}
		if n := strings.Count(d.log.String(), "create-only"); n != 1 {
			t.Errorf("it was logged %d times, want once", n)
		}
	})
}

func TestServiceThatIgnoresConditions(t *testing.T) {
	onDouble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		drain(r)
		if r.Method == http.MethodDelete {
			w.WriteHeader(204)
		}
	}, func(t *testing.T, d *double, b *Bucket) {
		if ok, err := b.Conditional(t.Context()); ok || err != nil {
			t.Errorf("got %v, error %v, want false", ok, err)
		}
		if got, want := d.calls(), "PUT *, PUT *, DELETE"; got != want {
			t.Errorf("got requests %s, want %s", got, want)
		}
	})
}

func TestCreateWithoutAnAnswer(t *testing.T) {
	for _, there := range []bool{true, false} {
		t.Run(fmt.Sprintf("the object is there: %v", there), func(t *testing.T) {
			onDouble(t, func(w http.ResponseWriter, r *http.Request, n int) {
				switch {
				case r.Method == http.MethodPut:
					panic(http.ErrAbortHandler)
				case there:
					w.Header().Set("Last-Modified", "Wed, 01 Jan 2020 00:00:00 GMT")
					w.Header().Set("ETag", `"0"`)
				default:
					w.WriteHeader(404)
				}
			}, func(t *testing.T, d *double, b *Bucket) {
				err := create(t, b)
				if err == nil || errors.Is(err, fs.ErrExist) != there || errors.Is(err, fs.ErrNotExist) {
					t.Errorf("got error %v, want one; fs.ErrExist: %v", err, there)
				}
			})
		})
	}
}

func TestListWhoseContextIsOver(t *testing.T) {
	onDouble(t, func(w http.ResponseWriter, r *http.Request, n int) { <-r.Context().Done() },
		func(t *testing.T, d *double, b *Bucket) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			if keys, _, err := b.client.list(ctx, "", "", 0); err == nil {
				t.Errorf("got %q without an error", keys)
			}
		})
}

func TestRefusedTextIsShort(t *testing.T) {
	onDouble(t, func(w http.ResponseWriter, r *http.Request, n int) {
		say(w, 400, "Odd</Code><Message>"+strings.Repeat("long \x1b", 9999)+"</Message><Code>Odd")
	}, func(t *testing.T, d *double, b *Bucket) {
		_, err := b.Open(t.Context(), zip)
		if err == nil || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("got error %.2000v, want a short one", err)
		}
	})
}
