package live

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
)

//go:embed page.html explain.html frame.html status.css status.js
var files embed.FS

// Policy is the Content-Security-Policy of the pages: nothing inline, and nothing from
// elsewhere. The icon is in the page.
const Policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// A Page makes HTML of what it is given. [New] makes one.
type Page struct {
	base            string
	status, explain *template.Template
	assets          map[string]*Asset
}

// An Asset is a file that the pages refer to.
type Asset struct {
	Type    string // of its content
	ETag    string
	Content []byte
}

// New returns the pages of a gateway whose paths begin with base: "" or "/x".
func New(base string) *Page {
	p := &Page{base: base, assets: make(map[string]*Asset)}
	frame := template.Must(template.New("frame.html").Funcs(functions).ParseFS(files, "frame.html"))
	p.status = template.Must(template.Must(frame.Clone()).ParseFS(files, "page.html")).Lookup("page.html")
	p.explain = template.Must(template.Must(frame.Clone()).ParseFS(files, "explain.html")).Lookup("explain.html")
	for name, contentType := range map[string]string{"status.css": "text/css; charset=utf-8", "status.js": "text/javascript; charset=utf-8"} {
		b, err := files.ReadFile(name)
		if err != nil {
			panic(err) // it is embedded
		}
		sum := sha256.Sum256(b)
		p.assets[name] = &Asset{contentType, `"` + hex.EncodeToString(sum[:8]) + `"`, b}
	}
	return p
}

// Asset returns the file of that name, or nil.
func (p *Page) Asset(name string) *Asset { return p.assets[name] }

// Status returns the page of s.
func (p *Page) Status(s *Status) ([]byte, error) {
	return p.render(p.status, view{Base: p.base, Status: s})
}

// Explanation returns the page of e, or the one that says why there is none. Query is
// what was asked.
func (p *Page) Explanation(query string, e *Explanation, why string) ([]byte, error) {
	return p.render(p.explain, view{Base: p.base, Query: query, Explanation: e, Why: why})
}

// A view is what the templates get.
type view struct {
	Base string
	*Status

	Query       string
	Explanation *Explanation
	Why         string
}

func (p *Page) render(t *template.Template, v view) ([]byte, error) {
	var b bytes.Buffer
	err := t.Execute(&b, v)
	return b.Bytes(), err
}
