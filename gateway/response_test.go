package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/tierstest"
)

// A taker is a ResponseWriter that remembers in which way it got the body: from
// a file that the kernel could have copied, from another reader, or in bytes.
type taker struct {
	header                  http.Header
	status                  int
	files, readers, written int64
}

func (w *taker) Header() http.Header  { return w.header }
func (w *taker) WriteHeader(code int) { w.status = code }

func (w *taker) Write(b []byte) (int, error) {
	w.written += int64(len(b))
	return len(b), nil
}

func (w *taker) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(io.Discard, src)
	if part, ok := src.(*io.LimitedReader); ok {
		src = part.R
	}
	if _, ok := src.(*os.File); ok {
		w.files += n
	} else {
		w.readers += n
	}
	return n, err
}

// take answers a request without a socket.
func (s *site) take(path string, header ...string) *taker {
	w := &taker{header: make(http.Header)}
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	s.Config.Handler.ServeHTTP(w, r)
	return w
}

func (w *taker) took(t *testing.T, files, written int) {
	t.Helper()
	if w.files != int64(files) || w.readers != 0 || w.written != int64(written) {
		t.Errorf("got %d bytes from a file, %d from another reader, %d written; want %d, 0, %d",
			w.files, w.readers, w.written, files, written)
	}
}

func TestTheKernelCanCopyWhatIsOnDisk(t *testing.T) {
	zip := string(tierstest.Bytes(hotFiles, tiers.Zip))
	t.Run("a hit on disk comes as a file", func(t *testing.T) {
		s := newSite(t).warm(t)
		s.take(hotZip).took(t, len(zip), 0)
		s.take(hotZip, "Range", "bytes=3-9").took(t, 7, 0)
	})
	t.Run("a fill comes as a file to all who follow it", func(t *testing.T) {
		s := newSite(t)
		page, goOn := speakInParts(t, zip)
		s.origin.set(hotZip, page)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { s.take(hotZip).took(t, len(zip), 0) })
		}
		await(t, func() bool { return s.stack.Collapsed() == 2 })
		goOn()
		wg.Wait()
	})
	t.Run("a part of a fill comes in bytes, as they come", func(t *testing.T) {
		s := newSite(t)
		page, goOn := speakInParts(t, zip)
		s.origin.set(hotZip, page)
		resp := s.begin(t, "GET", hotZip)
		s.take(hotZip, "Range", "bytes=3-9").took(t, 0, 7)
		goOn()
		io.Copy(io.Discard, resp.Body)
	})
	t.Run("a hit in memory is one write", func(t *testing.T) {
		s := newSite(t).warm(t)
		s.take(hotMod).took(t, 0, len(hotFiles.Mod))
	})
}

// The first byte of a fill is out when it is in, however few bytes that are.
func TestTheBeginningOfAFillIsNotHeldBack(t *testing.T) {
	v := module.Version{Path: "example.com/slow", Version: "v1.0.0"}
	zip := string(tierstest.Bytes(tierstest.Version(v, "a"), tiers.Zip))
	s := newSite(t)
	page, goOn := speakInParts(t, zip)
	s.origin.set(filePath(v, tiers.Zip), page)
	resp := s.begin(t, "GET", filePath(v, tiers.Zip))
	begun := make([]byte, len(zip)/2)
	if _, err := io.ReadFull(resp.Body, begun); err != nil || string(begun) != zip[:len(zip)/2] {
		t.Errorf("got %q, error %v, want what the origin has sent", begun, err)
	}
	goOn()
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != zip[len(zip)/2:] {
		t.Errorf("then got %d bytes, error %v, want the other %d", len(b), err, len(zip)-len(zip)/2)
	}
}

// A deadlineConn counts the writes that nothing would end if the client took
// nothing.
type deadlineConn struct {
	net.Conn
	hasDeadline bool
	writes      *atomic.Int64
	endless     *atomic.Int64
}

func (c *deadlineConn) SetWriteDeadline(t time.Time) error {
	c.hasDeadline = !t.IsZero()
	return c.Conn.SetWriteDeadline(t)
}

func (c *deadlineConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	if !c.hasDeadline {
		c.endless.Add(1)
	}
	return c.Conn.Write(b)
}

type deadlineListener struct {
	net.Listener
	writes, endless atomic.Int64
}

func (l *deadlineListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &deadlineConn{Conn: c, writes: &l.writes, endless: &l.endless}, nil
}

func TestEveryWriteToAClientHasADeadline(t *testing.T) {
	s := newSite(t).warm(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	counted := &deadlineListener{Listener: ln}
	server := &http.Server{Handler: s.Config.Handler}
	go server.Serve(counted)
	defer server.Close()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for _, path := range []string{hotMod, hotZip, hotMod, "/nowhere", "/example.com/hot/@v/list", hotZip} {
		io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: modtier\r\n\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
	}
	if n := counted.endless.Load(); n > 0 || counted.writes.Load() == 0 {
		t.Errorf("%d of %d writes had no deadline", n, counted.writes.Load())
	}
}

func TestAFileThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	big := strings.Repeat("x", 300<<10)
	for _, length := range []string{"known", "unknown"} {
		t.Run("length "+length, func(t *testing.T) {
			s := newSite(t)
			s.origin.set(hotZip, func(w http.ResponseWriter, r *http.Request) {
				s.origin.set(hotZip, speak(404, "withdrawn")) // there is nothing to resume
				if length == "known" {
					w.Header().Set("Content-Length", strconv.Itoa(len(big)))
				}
				io.WriteString(w, big[:200<<10])
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			})
			resp := s.begin(t, "GET", hotZip)
			if n, err := io.Copy(io.Discard, resp.Body); err == nil {
				t.Errorf("got %d bytes and no error", n)
			}
			s.settle(t)
			s.get(t, hotZip).is(t, 404)
		})
	}
}
