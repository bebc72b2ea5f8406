package external

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/internal/web"
)

// The parts of a save, by the names that Athens gives them.
const (
	infoPart = "mod.info"
	modPart  = "mod.mod"
	zipPart  = "mod.zip"
)

// Save sends the files of v to the server, which makes them one. If they are
// more than it takes, the error matches [tiers.ErrTooLarge]; without a zip, which the
// protocol cannot say, [tiers.ErrWhole].
func (c *Client) Save(ctx context.Context, v module.Version, f tiers.Files) error {
	// The servers of Athens let the last save win, and replace files that are
	// being read. So ask first, which also spares the sending of a zip for
	// nothing. Between asking and saving another one may save, and then it is
	// the server that decides.
	there, err := c.has(ctx, v)
	if err == nil && !there {
		err = c.send(ctx, v, f)
	}
	if err != nil {
		return fmt.Errorf("external: save %s: %w", v, err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, v module.Version, f tiers.Files) error {
	if f.Zip == nil {
		return tiers.ErrWhole
	}
	path, err := versionPath(v, "save")
	if err != nil {
		return err
	}
	form, err := newForm(f)
	if err != nil {
		return err
	}
	w := web.Over(ctx, c.stall())
	body := func() (io.ReadCloser, error) { return &watched{form.body(), w, c.stall(), c.commit()}, nil }
	first, _ := body()
	req, err := c.request(ctx, http.MethodPost, path, first)
	if err != nil {
		w.End()
		return err
	}
	req.Header.Set("Content-Type", form.contentType)
	req.ContentLength = form.size
	req.GetBody = body // for a redirect with 307 or 308
	a, err := c.ask(req, w)
	if err == fs.ErrNotExist {
		return &StatusError{Status: http.StatusNotFound} // there are no saves there
	}
	if err != nil {
		return tooLarge(err)
	}
	return a.Close()
}

// A form is the body of a save. The zip is not in it but read when it is sent.
type form struct {
	before, behind []byte // what stands around the zip
	zip            *io.SectionReader
	size           int64
	contentType    string
}

func newForm(f tiers.Files) (*form, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range []struct {
		name    string
		content []byte
	}{{infoPart, f.Info}, {modPart, f.Mod}, {zipPart, nil}} { // the order of Athens' client
		part, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name="%s"; filename="%[1]s"`, p.name)},
			"Content-Type":        {"application/octet-stream"},
		})
		if err != nil {
			return nil, err
		}
		if _, err := part.Write(p.content); err != nil {
			return nil, err
		}
	}
	n := b.Len()
	if err := w.Close(); err != nil {
		return nil, err
	}
	return &form{
		before:      b.Bytes()[:n],
		behind:      b.Bytes()[n:],
		zip:         f.Zip,
		size:        int64(b.Len()) + f.Zip.Size(),
		contentType: w.FormDataContentType(),
	}, nil
}

func (f *form) body() io.Reader {
	return io.MultiReader(bytes.NewReader(f.before), io.NewSectionReader(f.zip, 0, f.zip.Size()), bytes.NewReader(f.behind))
}

// A watched body gives its request time to send what it has read, and from its
// end on the time to be answered.
type watched struct {
	io.Reader
	watch         *web.Watch
	stall, commit time.Duration
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		b.watch.Give(b.commit)
	} else {
		b.watch.Give(b.stall)
	}
	return n, err
}

func (b *watched) Close() error { return nil }
