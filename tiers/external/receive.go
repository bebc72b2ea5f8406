package external

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/modtier/modtier/tiers"
)

// An upload is a save that has arrived whole: the small files in memory, the zip
// in a file that nobody else sees.
type upload struct {
	files tiers.Files
	spool *os.File
	named bool // spool still has a name
}

func (u *upload) discard() {
	if u.spool != nil {
		u.spool.Close()
	}
	if u.named {
		os.Remove(u.spool.Name())
	}
}

// maxForm is what a save may have beside its files: names and boundaries.
const maxForm = 1 << 20

// receive reads the body of a save.
func (h *Handler) receive(w http.ResponseWriter, r *http.Request) (*upload, error) {
	limit := h.maxZip() + 2*maxSmall + maxForm
	if r.ContentLength > limit {
		return nil, refuse(http.StatusRequestEntityTooLarge, "request body too large: %d bytes are more than %d", r.ContentLength, limit)
	}
	rc := http.NewResponseController(w)
	r.Body = &pacedBody{ReadCloser: http.MaxBytesReader(w, r.Body, limit), rc: rc, stall: h.stall(), n: pace}
	// Left in place, the deadline would end the request while the store works
	// on it: the server reads on, to notice a client that goes away.
	defer rc.SetReadDeadline(time.Time{})
	u := new(upload)
	if err := h.readParts(u, r); err != nil {
		u.discard()
		return nil, badBody(err)
	}
	return u, nil
}

func (h *Handler) readParts(u *upload, r *http.Request) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return err
	}
	seen := make(map[string]bool)
	for {
		p, err := parts.NextRawPart()
		if err == io.EOF { // itself: wrapped, it cuts a part short
			break
		}
		if err != nil {
			return err
		}
		name := p.FormName()
		if seen[name] {
			return fmt.Errorf("there are two parts %s", name)
		}
		switch name {
		case infoPart:
			u.files.Info, err = readSmall(p, name)
		case modPart:
			u.files.Mod, err = readSmall(p, name)
		case zipPart:
			err = h.readZip(u, p)
		default:
			continue // what another client may have to say
		}
		if err != nil {
			return err
		}
		seen[name] = true
	}
	for _, name := range []string{infoPart, modPart, zipPart} {
		if !seen[name] {
			return fmt.Errorf("there is no part %s", name)
		}
	}
	// To the end, so that a body which is shorter than announced is found out.
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

func readSmall(p io.Reader, name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(p, maxSmall+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxSmall:
		return nil, refuse(http.StatusRequestEntityTooLarge, "request body too large: %s has more than %d bytes", name, maxSmall)
	case len(b) == 0:
		return nil, fmt.Errorf("%s is empty", name)
	}
	return b, nil
}

func (h *Handler) readZip(u *upload, p io.Reader) error {
	f, err := os.CreateTemp(h.SpoolDir, "modtier-save-*.zip")
	if err != nil {
		return err
	}
	u.spool = f
	u.named = os.Remove(f.Name()) != nil // without one, a crash leaves nothing
	n, err := io.Copy(f, io.LimitReader(p, h.maxZip()+1))
	switch {
	case err != nil:
		return err
	case n > h.maxZip():
		return refuse(http.StatusRequestEntityTooLarge, "request body too large: %s has more than %d bytes", zipPart, h.maxZip())
	case n == 0:
		return fmt.Errorf("%s is empty", zipPart)
	}
	u.files.Zip = io.NewSectionReader(f, 0, n)
	return nil
}

// badBody says whose doing it is that a save could not be read: that of our file
// system, or else of the client.
func badBody(err error) error {
	if _, ok := errors.AsType[*refusal](err); ok {
		return err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("spooling a save: %w", absentNever(e))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return refuse(http.StatusRequestTimeout, "the body of the request came too slowly")
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return refuse(http.StatusRequestEntityTooLarge, "request body too large: more than %d bytes", e.Limit)
	}
	return refuse(http.StatusBadRequest, "the body of the request: %v", err)
}

// A pacedBody gives the client a stall for each pace of bytes.
type pacedBody struct {
	io.ReadCloser
	rc    *http.ResponseController
	stall time.Duration
	n     int // bytes since the deadline was set
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if b.n >= pace {
		b.n = 0
		// That it cannot be set shows that there is no socket below.
		_ = b.rc.SetReadDeadline(time.Now().Add(b.stall))
	}
	n, err := b.ReadCloser.Read(p)
	b.n += n
	return n, err
}
