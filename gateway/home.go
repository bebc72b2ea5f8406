package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"github.com/modtier/modtier/internal/smallfile"
)

// maxHome bounds the template of the page at /, and the page, in bytes.
const maxHome = 1 << 20

// home says what this is and how to use it, in the site's words if it has some.
func (g *Gateway) home(w *response, r *http.Request) {
	page, err := g.ownHome(r)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // the default of Athens need not be there
			g.Log.WarnContext(r.Context(), "the template of the page at / cannot be used (HomeTemplatePath)", "err", err)
		}
		if g.Live.Status != nil {
			w.Header()["Vary"] = varyAccept
			if wantsHTML(r) {
				g.status(w, r)
				return
			}
		}
		w.text(http.StatusOK, g.Home)
		return
	}
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = htmlType, noStore, nosniff
	h["Content-Length"] = []string{strconv.Itoa(len(page))}
	w.Write(page)
}

var htmlType = []string{"text/html; charset=utf-8"}

// ownHome returns what the template makes of the fields that Athens has: Host, with
// its scheme, and NoSumPatterns, with commas between.
func (g *Gateway) ownHome(r *http.Request) ([]byte, error) {
	if g.HomeFile == "" {
		return nil, fs.ErrNotExist
	}
	text, err := smallfile.Read(g.HomeFile, maxHome)
	if err != nil {
		return nil, err
	}
	t, err := template.New("home").Parse(string(text))
	if err != nil {
		return nil, err
	}
	scheme := "http://"
	if secured(r) {
		scheme = "https://"
	}
	page := &bounded{left: maxHome}
	err = t.Execute(page, map[string]string{
		"Host":          scheme + r.Host,
		"NoSumPatterns": strings.Join(g.NoSumPatterns, ","),
	})
	return page.Bytes(), err
}

// bounded is a buffer that takes only so much.
type bounded struct {
	bytes.Buffer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, fmt.Errorf("it makes more than %d bytes", maxHome)
	}
	return b.Buffer.Write(p)
}
