package upstream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
)

// breaks announces a file, sends n bytes of it and breaks off.
func breaks(file []byte, n int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		set(w, header)
		w.Header().Set("Content-Length", strconv.Itoa(len(file)))
		w.Write(file[:n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// breaksUnannounced does the same without a Content-Length.
func breaksUnannounced(file []byte, n int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		set(w, header)
		w.(http.Flusher).Flush()
		w.Write(file[:n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// stalls sends n bytes of a file and then nothing, until it is broken off.
func stalls(file []byte, n int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		set(w, header)
		w.Header().Set("Content-Length", strconv.Itoa(len(file)))
		w.Write(file[:n])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
}

// resets resets the connection without an answer.
func resets(w http.ResponseWriter, r *http.Request) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// sends sends a file, or the range that was asked for.
func sends(file []byte, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		set(w, header)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
	}
}

// sendsWhole knows no ranges.
func sendsWhole(file []byte, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
		sends(file, header...)(w, r)
	}
}

// sendsChunks sends a file without a Content-Length.
func sendsChunks(file []byte, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		set(w, header)
		w.(http.Flusher).Flush()
		w.Write(file)
	}
}

// sendsPart sends what a 206 should say, and what is in the file from there.
func sendsPart(file []byte, contentRange string, from int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		set(w, header)
		w.Header().Set("Content-Range", contentRange)
		w.WriteHeader(http.StatusPartialContent)
		w.Write(file[from:])
	}
}

const (
	size  = 200_000
	cut   = size * 2 / 5
	etag  = `"one"`
	other = `"two"`
)

func TestResume(t *testing.T) {
	t.Parallel()
	file := random(size)
	whole := fmt.Sprintf("bytes %d-%d/%d", cut, size-1, size)
	old := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
	older := time.Now().Add(-2 * time.Hour).UTC().Format(http.TimeFormat)
	for _, tc := range []struct {
		claim  string
		steps  []http.HandlerFunc
		ranges []bool // of the requests after the first, those that ask for a range
	}{
		{"with a strong ETag a range is asked for",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), sends(file, "ETag", etag)}, []bool{true}},
		{"with an old Last-Modified too",
			[]http.HandlerFunc{breaks(file, cut, "Last-Modified", old), sendsPart(file, whole, cut, "Last-Modified", old)}, []bool{true}},
		{"a Last-Modified of just now is no validator",
			[]http.HandlerFunc{breaks(file, cut, "Last-Modified", old, "Date", old), sends(file)}, []bool{false}},
		{"nor is a weak ETag",
			[]http.HandlerFunc{breaks(file, cut, "ETag", "W/"+etag), sends(file, "ETag", "W/"+etag)}, []bool{false}},
		{"nor is nothing",
			[]http.HandlerFunc{breaks(file, cut), sends(file)}, []bool{false}},
		{"Accept-Ranges can say no",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag, "Accept-Ranges", "none"), sends(file, "ETag", etag)}, []bool{false}},
		{"a range that is ignored is compared",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), sendsWhole(file, "ETag", etag)}, []bool{true}},
		{"a new ETag of the same bytes is a good one",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), breaks(file, 2*cut, "ETag", other), sends(file, "ETag", other)}, []bool{true, true}},
		{"a range that breaks is resumed",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), breaksPart(file, 2*cut, etag), sends(file, "ETag", etag)}, []bool{true, true}},
		{"a range that is refused is not asked for again",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), answers(416, "no"), sends(file)}, []bool{true, false}},
		{"a range of elsewhere is not used",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), sendsPart(file, fmt.Sprintf("bytes %d-%d/%d", cut-1, size-1, size), cut-1), sends(file)}, []bool{true, false}},
		{"nor one of another total",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), sendsPart(file, fmt.Sprintf("bytes %d-%d/%d", cut, size-1, size+1), cut), sends(file)}, []bool{true, false}},
		{"nor one of an unknown total",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), sendsPart(file, fmt.Sprintf("bytes %d-%d/*", cut, size-1), cut), sends(file)}, []bool{true, false}},
		{"nor one of another ETag",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), sendsPart(random(size), whole, cut, "ETag", other), sends(file)}, []bool{true, false}},
		{"nor one of another Last-Modified",
			[]http.HandlerFunc{breaks(file, cut, "Last-Modified", old), sendsPart(random(size), whole, cut, "Last-Modified", older), sends(file)}, []bool{true, false}},
		{"nor one that ends beyond the total",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), sendsPart(file, fmt.Sprintf("bytes %d-%d/%d", cut, size, size), cut), sends(file)}, []bool{true, false}},
		{"nor one that ends before it starts",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), sendsPart(file, fmt.Sprintf("bytes %d-%d/%d", cut, cut-1, size), cut), sends(file)}, []bool{true, false}},
		{"nor one that says more than a range",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), sendsPart(file, whole+"1", cut), sends(file)}, []bool{true, false}},
		{"nor one that is no plain range",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), sendsPart(file, whole+"x", cut), sends(file)}, []bool{true, false}},
		{"nor one that does not say what it is",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), sendsPart(file, "", cut), sends(file)}, []bool{true, false}},
		{"a range that ends early is resumed",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), sendsPart(file[:size/2], fmt.Sprintf("bytes %d-%d/%d", cut, size/2-1, size), cut), sends(file, "ETag", etag)}, []bool{true, true}},
		{"without a length the file ends where the stream does",
			[]http.HandlerFunc{breaksUnannounced(file, cut), sendsChunks(file)}, []bool{false}},
		{"a range tells the length",
			[]http.HandlerFunc{breaksUnannounced(file, cut, "ETag", etag), breaksPart(file, 2*cut, etag), sendsChunks(file, "ETag", other)}, []bool{true, true}},
		{"a copy without a length may be the same",
			[]http.HandlerFunc{breaks(file, cut), sendsChunks(file)}, []bool{false}},
		{"a break before the first byte",
			[]http.HandlerFunc{breaks(file, 0, "ETag", etag), sends(file, "ETag", etag)}, []bool{false}},
		{"a break while the copies are compared",
			[]http.HandlerFunc{breaks(file, cut), breaks(file, cut/2), sends(file)}, []bool{false, false}},
		{"a passing answer is asked over",
			[]http.HandlerFunc{breaks(file, cut, "ETag", etag), answers(503, ""), answers(429, ""), sends(file, "ETag", etag)}, []bool{true, true, true}},
		{"more breaks than tries, if each brings something",
			[]http.HandlerFunc{breaks(file, cut), breaks(file, cut+1), breaks(file, cut+2), breaks(file, cut+3), breaks(file, cut+4),
				breaks(file, cut+5), breaks(file, cut+6), breaks(file, cut+7), sends(file)}, make([]bool, 8)},
	} {
		for proto, start := range map[string]func(*testing.T, ...http.HandlerFunc) *server{"1": serve, "2": serveTLS} {
			t.Run(tc.claim+", over HTTP/"+proto, func(t *testing.T) {
				t.Parallel()
				s := start(t, tc.steps...)
				l := list(t, s.URL)
				var resumed atomic.Int32
				l.OnResume = func() { resumed.Add(1) }
				got, err := read(t, l, zipRef)
				if err != nil || !bytes.Equal(got, file) {
					t.Errorf("got %d bytes, error %v; want the file", len(got), err)
				}
				if n := s.asked(); n != len(tc.ranges)+1 {
					t.Fatalf("asked %d times, want %d", n, len(tc.ranges)+1)
				}
				if resumed.Load() == 0 {
					t.Error("OnResume was not called")
				}
				for i, want := range tc.ranges {
					h := s.header(i + 1)
					if got := h.Get("Range") != ""; got != want {
						t.Errorf("request %d: got Range %q, want one: %t", i+1, h.Get("Range"), want)
					}
					if (h.Get("Range") == "") != (h.Get("If-Range") == "") {
						t.Errorf("request %d: got Range %q, If-Range %q", i+1, h.Get("Range"), h.Get("If-Range"))
					}
				}
			})
		}
	}
	t.Run("If-Range carries the validator of the copy", func(t *testing.T) {
		t.Parallel()
		s := serve(t, breaks(file, cut, "ETag", etag), breaks(file, 2*cut, "ETag", other), sends(file, "ETag", other))
		if _, err := read(t, list(t, s.URL), zipRef); err != nil {
			t.Fatal(err)
		}
		if got := []string{s.header(1).Get("If-Range"), s.header(2).Get("If-Range")}; got[0] != etag || got[1] != other {
			t.Errorf("got %q", got)
		}
		if got, want := s.header(1).Get("Range"), fmt.Sprintf("bytes=%d-", cut); got != want {
			t.Errorf("got Range %q, want %q", got, want)
		}
	})
	t.Run("a connection that is reset is no other case", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(size))
			w.Write(file[:cut])
			w.(http.Flusher).Flush()
			resets(w, r)
		}, resets, sends(file))
		if got, err := read(t, list(t, s.URL), zipRef); err != nil || !bytes.Equal(got, file) {
			t.Errorf("got %d bytes, error %v; want the file", len(got), err)
		}
	})
}

// breaksPart sends the range that was asked for up to to.
func breaksPart(file []byte, to int, tag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var from int
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		w.Header().Set("ETag", tag)
		w.Header().Set("Content-Length", strconv.Itoa(len(file)-from))
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(file)-1, len(file)))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(file[from:to])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func TestResumeFails(t *testing.T) {
	t.Parallel()
	file, another := random(size), random(size)
	another[0]++
	late := bytes.Clone(file)
	late[size-1]++
	for _, tc := range []struct {
		claim   string
		steps   []http.HandlerFunc
		corrupt bool
		asked   int // times
		text    string
	}{
		{"on other bytes", []http.HandlerFunc{breaks(file, cut), sends(another)}, true, 2, "another file"},
		{"on other bytes for a range", []http.HandlerFunc{breaks(file, cut, "ETag", etag), sends(another, "ETag", other)}, true, 2, "another file"},
		{"on a shorter file", []http.HandlerFunc{breaks(file, cut), sends(file[:size-1])}, true, 2, "another length"},
		{"on a longer file", []http.HandlerFunc{breaks(file, cut), sends(append(file[:size:size], 1))}, true, 2, "another length"},
		{"on a file shorter than what was read", []http.HandlerFunc{breaksUnannounced(file, cut), sends(file[:cut/2])}, true, 2, "another file"},
		{"on a shorter file without a length", []http.HandlerFunc{breaks(file, cut), sendsChunks(file[:size-1])}, true, 2, "another file"},
		{"on a much shorter file without a length", []http.HandlerFunc{breaks(file, cut), sendsChunks(file[:cut/2])}, true, 2, "another file"},
		{"on a longer file without a length", []http.HandlerFunc{breaks(file, cut), sendsChunks(append(file[:size:size], 1))}, true, 2, "another file"},
		{"on another length than a range told", []http.HandlerFunc{breaksUnannounced(file, cut, "ETag", etag), breaksPart(file, 2*cut, etag), sends(append(file[:size:size], 1))}, true, 3, "another length"},
		{"on another length than a copy told", []http.HandlerFunc{breaksUnannounced(file, cut), breaks(file, 2*cut), sends(append(file[:size:size], 1))}, true, 3, "another length"},
		{"on an absence, which it does not assert", []http.HandlerFunc{breaks(file, cut), answers(404, "no")}, false, 2, "no longer there"},
		{"on a refusal", []http.HandlerFunc{breaks(file, cut), answers(403, "no")}, false, 2, "403"},
		{"after five tries that bring nothing new", []http.HandlerFunc{breaks(file, cut), answers(503, "no"), breaks(file, cut)}, false, 6, "unexpected EOF"},
		{"when it is asked to wait long", []http.HandlerFunc{breaks(file, cut), answers(503, "no", "Retry-After", "60")}, false, 2, "503"},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tc.steps...)
			o, err := list(t, s.URL).Open(t.Context(), zipRef)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Body.Close()
			b, err := io.ReadAll(o.Body)
			upstreamError(t, err)
			if errors.Is(err, tiers.ErrCorrupt) != tc.corrupt || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %v, want %q, corrupt %t", err, tc.text, tc.corrupt)
			}
			if strings.Contains(err.Error(), "another length") && len(b) > 2*cut {
				t.Errorf("got %d bytes, more than those before", len(b))
			}
			if !bytes.HasPrefix(file, b) {
				t.Errorf("got %d bytes that are not the file's", len(b))
			}
			if n := s.asked(); n != tc.asked {
				t.Errorf("asked %d times, want %d", n, tc.asked)
			}
			if _, again := o.Body.Read(make([]byte, 1)); again != err {
				t.Errorf("the next read: got %v, want the same error", again)
			}
		})
	}
	t.Run("on a length over the limit", func(t *testing.T) {
		t.Parallel()
		for _, tag := range []string{"", etag} {
			s := serve(t, breaksUnannounced(file, cut, "ETag", tag), sends(append(file[:size:size], make([]byte, 1<<20)...), "ETag", tag))
			o, err := list(t, s.URL).Open(t.Context(), tiers.Ref{Path: "example.com/m", Version: "v1.0.0", Kind: tiers.Info})
			if err != nil {
				t.Fatal(err)
			}
			defer o.Body.Close()
			n, err := io.Copy(io.Discard, o.Body)
			if upstreamError(t, err); !strings.Contains(err.Error(), "larger than 1 MiB") || n != cut {
				t.Errorf("ETag %s: got %v after %d bytes, want %d", tag, err, n, cut)
			}
		}
	})
	t.Run("only on the bytes that were read", func(t *testing.T) {
		// What comes later cannot be compared, and is for whoever verifies.
		t.Parallel()
		s := serve(t, breaks(file, cut), sends(late))
		if got, err := read(t, list(t, s.URL), zipRef); err != nil || !bytes.Equal(got, late) {
			t.Errorf("got %d bytes, error %v", len(got), err)
		}
	})
}

func TestResumeElsewhere(t *testing.T) {
	t.Parallel()
	file := random(size)
	another := random(size)
	another[0]++
	lost := []http.HandlerFunc{breaks(file, cut, "ETag", etag), answers(503, "lost", notAgain...)}
	t.Run("over a pipe the next proxy goes on", func(t *testing.T) {
		t.Parallel()
		a, b, c := serve(t, lost...), serve(t, answers(404, "")), serve(t, sends(file, "ETag", etag))
		got, err := read(t, list(t, a.URL+"|"+b.URL+"|"+c.URL), zipRef)
		if err != nil || !bytes.Equal(got, file) {
			t.Errorf("got %d bytes, error %v; want the file", len(got), err)
		}
		if b.header(0).Get("Range") != "" || c.header(0).Get("Range") != "" {
			t.Error("the ETag of one proxy was sent to another")
		}
	})
	t.Run("with tries of its own", func(t *testing.T) {
		t.Parallel()
		a, b := serve(t, breaks(file, cut)), serve(t, answers(503, ""), breaks(file, cut/2), sends(file))
		if got, err := read(t, list(t, a.URL+"|"+b.URL), zipRef); err != nil || !bytes.Equal(got, file) || a.asked() != 6 {
			t.Errorf("got %d bytes, error %v, after %d requests to the first", len(got), err, a.asked())
		}
	})
	t.Run("over a comma none does", func(t *testing.T) {
		t.Parallel()
		a, b := serve(t, lost...), serve(t, sends(file))
		if _, err := read(t, list(t, a.URL+","+b.URL), zipRef); upstreamError(t, err).Status != 503 || b.asked() > 0 {
			t.Errorf("got %v and asked the second %d times", err, b.asked())
		}
	})
	t.Run("for another file none does", func(t *testing.T) {
		t.Parallel()
		a, b := serve(t, breaks(file, cut), sends(another)), serve(t, sends(file))
		if _, err := read(t, list(t, a.URL+"|"+b.URL), zipRef); !errors.Is(err, tiers.ErrCorrupt) || b.asked() > 0 {
			t.Errorf("got %v and asked the second %d times", err, b.asked())
		}
	})
	t.Run("the error is that of the first", func(t *testing.T) {
		t.Parallel()
		a, b := serve(t, lost...), serve(t, sends(another))
		if _, err := read(t, list(t, a.URL+"|"+b.URL+"|direct"), zipRef); upstreamError(t, err).Status != 503 || b.asked() != 1 {
			t.Errorf("got %v and asked the second %d times", err, b.asked())
		}
	})
}

func TestStall(t *testing.T) {
	t.Parallel()
	file := random(size)
	for proto, start := range map[string]func(*testing.T, ...http.HandlerFunc) *server{"1": serve, "2": serveTLS} {
		t.Run("a body that stops is resumed, over HTTP/"+proto, func(t *testing.T) {
			t.Parallel()
			s := start(t, stalls(file, cut, "ETag", etag), stalls(file, cut/2), sends(file))
			l := list(t, s.URL)
			l.Stall = 250 * time.Millisecond
			got, err := read(t, l, zipRef)
			if err != nil || !bytes.Equal(got, file) || s.asked() != 3 {
				t.Errorf("got %d bytes, error %v, after %d requests", len(got), err, s.asked())
			}
		})
	}
	t.Run("a slow reader is not a stall", func(t *testing.T) {
		t.Parallel()
		s := serve(t, sends(file))
		l := list(t, s.URL)
		l.Stall = 250 * time.Millisecond
		o, err := l.Open(t.Context(), zipRef)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Body.Close()
		for range 2 {
			time.Sleep(300 * time.Millisecond)
			if _, err := o.Body.Read(make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := io.Copy(io.Discard, o.Body); err != nil || s.asked() != 1 {
			t.Errorf("got %v after %d requests", err, s.asked())
		}
	})
	t.Run("one that stops for good says so", func(t *testing.T) {
		t.Parallel()
		s := serveTLS(t, stalls(file, cut))
		l := list(t, s.URL)
		l.Stall = 250 * time.Millisecond
		_, err := read(t, l, zipRef)
		if upstreamError(t, err); !strings.Contains(err.Error(), "no byte for 250ms") || s.asked() != 6 {
			t.Errorf("got %v after %d requests", err, s.asked())
		}
	})
}
