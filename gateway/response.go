package gateway

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// statusClientGone is recorded for a client that left before it had an answer,
// as nginx records it.
const statusClientGone = 499

// A client that takes none of stallBytes within stall is cut off. That is a
// little over 4 KB a second, so that the slowest honest line is fast enough.
const (
	stall      = time.Minute
	stallBytes = 256 << 10
)

// A response is the ResponseWriter of one request, and what is recorded of it.
// It leaves the way from a file to the socket open for sendfile.
type response struct {
	http.ResponseWriter
	start    time.Time
	status   int // 0 until the header is out
	bytes    int64
	err      error     // the first one met while writing the body
	extended time.Time // when the deadline was last set

	// What the handlers say for the record.
	kind, module, version string
	servedBy              string
	failure               string
	refused               []slog.Attr // who tried, and was

	id     [1]string            // of the request; the value of a header as it is
	traced func(Request) string // what Trace returned; nil for nothing
}

func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// extend gives the client until a stall from now, or a quarter less: setting a
// deadline costs, and there may be one that is recent enough. It is one of this
// response: net/http takes it from the connection when the response is out.
func (w *response) extend() {
	now := time.Now()
	if now.Sub(w.extended) < stall/4 {
		return
	}
	w.extended = now
	if c, ok := w.ResponseWriter.(interface{ SetWriteDeadline(time.Time) error }); ok {
		// An error is met again by the write itself.
		_ = c.SetWriteDeadline(now.Add(stall))
	}
}

// drain bounds the time in which the server reads a body that a GET should not
// have had.
func (w *response) drain(r *http.Request) {
	w.Header().Set("Connection", "close")
	_ = http.NewResponseController(w.ResponseWriter).SetReadDeadline(w.start.Add(10 * time.Second))
}

func (w *response) WriteHeader(code int) {
	if w.status == 0 {
		w.status = code
		w.extend()
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	} else {
		w.extend()
	}
	n, err := w.ResponseWriter.Write(b)
	w.note(int64(n), err)
	return n, err
}

// ReadFrom passes on a part of an *os.File as it is, in pieces short enough to
// notice a stall: that the kernel can copy by itself. Nothing stays in a buffer,
// for the next piece of a fill may be long in coming.
func (w *response) ReadFrom(src io.Reader) (n int64, err error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	rf, ok := w.ResponseWriter.(io.ReaderFrom)
	limited := partOfFile(src)
	if !ok || limited == nil {
		return io.Copy(writerOnly{w}, src)
	}
	for limited.N > 0 {
		w.extend()
		piece := io.LimitedReader{R: limited.R, N: min(limited.N, stallBytes)}
		want := piece.N
		got, err := rf.ReadFrom(&piece)
		n += got
		limited.N -= got
		w.note(got, err)
		if err != nil || got < want {
			return n, err
		}
	}
	w.Flush()
	return n, nil
}

// partOfFile returns src if it is part of an *os.File, or nil.
func partOfFile(src io.Reader) *io.LimitedReader {
	if limited, ok := src.(*io.LimitedReader); ok {
		if _, ok := limited.R.(*os.File); ok {
			return limited
		}
	}
	return nil
}

// writerOnly hides ReadFrom, and flushes what is written.
type writerOnly struct{ w *response }

func (o writerOnly) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if err == nil {
		o.w.Flush()
	}
	return n, err
}

// Flush sends what is buffered.
func (w *response) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

func (w *response) note(n int64, err error) {
	w.bytes += n
	if w.err == nil {
		w.err = err
	}
}

// finish ends a body that was broken off: the client must not take for whole
// what is not.
func (w *response) finish() {
	if w.err == nil {
		return
	}
	if errors.Is(w.err, os.ErrDeadlineExceeded) {
		w.failure = "the client stalled"
	} else {
		w.failure = w.err.Error()
	}
	panic(http.ErrAbortHandler)
}

// text answers with a status and a text. The go command prints the text of an
// error, so it is for a person.
func (w *response) text(code int, text string) {
	h := w.Header()
	h.Del("ETag")
	h.Del("Last-Modified")
	h["Content-Type"] = textPlain
	h["X-Content-Type-Options"] = nosniff
	if h["Cache-Control"] == nil {
		h["Cache-Control"] = noStore
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	w.WriteHeader(code)
	io.WriteString(w, text)
}

// redirect sends the client elsewhere, this time: no cache keeps it, not even where
// the status is one that they may.
func (w *response) redirect(code int, to string) {
	w.Header()["Location"] = []string{to}
	w.text(code, "to be had at "+to)
}

// Header values that many responses share. Nobody may change them.
var (
	textPlain = []string{"text/plain; charset=utf-8"}
	jsonType  = []string{"application/json"}
	zipType   = []string{"application/zip"}
	nosniff   = []string{"nosniff"}
	noStore   = []string{"no-store"}
)
