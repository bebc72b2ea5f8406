package external

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/modtier/modtier/tiers"
)

// pace is how many bytes a client has to send or take within a stall. With that
// of a minute it is a little over 4 KB a second, so that the slowest honest line
// is fast enough.
const pace = 256 << 10

// file answers with a file of the store.
func (h *Handler) file(w http.ResponseWriter, r *http.Request, ref tiers.Ref, contentType string) error {
	o, err := h.Store.Open(r.Context(), ref)
	if err != nil {
		return err
	}
	defer o.Body.Close()
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("X-Content-Type-Options", "nosniff")
	if o.Size >= 0 {
		header.Set("Content-Length", strconv.FormatInt(o.Size, 10))
	}
	if !o.ModTime.IsZero() {
		header.Set("Last-Modified", o.ModTime.UTC().Format(http.TimeFormat))
	}
	n, err := h.copy(w, o.Body)
	if err != nil || o.Size >= 0 && n != o.Size {
		// The client must not take for whole what is not.
		panic(http.ErrAbortHandler)
	}
	return nil
}

// copy sends a body in pieces, each of which has to be taken within a stall. A
// file goes out as such, so that the kernel can copy it by itself.
func (h *Handler) copy(w http.ResponseWriter, body io.Reader) (n int64, err error) {
	out := &pacedWriter{w, http.NewResponseController(w), h.stall()}
	f, ok := body.(*os.File)
	if !ok {
		return io.CopyBuffer(out, body, make([]byte, 32<<10))
	}
	for {
		out.extend()
		m, err := io.CopyN(w, f, pace)
		n += m
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// A pacedWriter gives the client a stall for each Write. What it waits for between
// them is not the client's doing.
type pacedWriter struct {
	w     io.Writer
	rc    *http.ResponseController
	stall time.Duration
}

func (p *pacedWriter) extend() {
	// That it cannot be set shows that w is no socket.
	_ = p.rc.SetWriteDeadline(time.Now().Add(p.stall))
}

func (p *pacedWriter) Write(b []byte) (int, error) {
	p.extend()
	return p.w.Write(b)
}

// answer sends a small answer.
func (h *Handler) answer(w http.ResponseWriter, status int, contentType, text string) {
	header := w.Header()
	if contentType != "" {
		header.Set("Content-Type", contentType)
		header.Set("X-Content-Type-Options", "nosniff")
	}
	header.Set("Content-Length", strconv.Itoa(len(text)))
	out := &pacedWriter{w, http.NewResponseController(w), h.stall()}
	out.extend()
	w.WriteHeader(status)
	io.WriteString(w, text) // an error means that the client is gone
}

// fail answers with an error: absence is 404, and what could not be asked is
// never that.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		// It may have closed only its half of the connection, and would
		// take an empty response for an empty file.
		panic(http.ErrAbortHandler)
	}
	if r.ContentLength != 0 {
		// The server reads some of a body that is left over, so that the
		// client sees the answer. Not for long.
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(min(h.stall(), 10*time.Second)))
	}
	status, text := statusOf(err), err.Error()
	if status >= 500 {
		h.log().ErrorContext(r.Context(), "a request to the store", "method", r.Method, "path", r.URL.Path, "status", status, "err", err)
	}
	if err == fs.ErrNotExist {
		text = "not found"
	}
	h.answer(w, status, "text/plain; charset=utf-8", text)
}

func (h *Handler) log() *slog.Logger {
	if h.Log == nil {
		return slog.Default()
	}
	return h.Log
}

// statusOf maps an error to an HTTP status. Athens' client takes a 404 for an
// absence and nothing else, a 410 neither.
func statusOf(err error) int {
	var no *refusal
	var upstream *tiers.UpstreamError
	var netErr net.Error
	switch {
	case errors.As(err, &no):
		return no.status
	case errors.Is(err, fs.ErrNotExist):
		return http.StatusNotFound
	case errors.Is(err, errors.ErrUnsupported):
		return http.StatusNotImplemented
	case errors.Is(err, tiers.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, tiers.ErrToken):
		return http.StatusBadRequest
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return http.StatusGatewayTimeout
	case errors.As(err, &upstream), errors.Is(err, tiers.ErrCorrupt):
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}
