package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/sync/errgroup"

	"github.com/modtier/modtier/tiers"
)

// Open opens the file that r names.
func (s *Store) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	var o *tiers.Object
	var err error
	if r.Kind == tiers.Zip {
		o, err = s.openZip(ctx, r)
	} else {
		o, err = s.openSmall(ctx, r)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: open %s: %w", s.name, r, err)
	}
	if o == nil {
		return nil, fs.ErrNotExist
	}
	o.Tier = s.name
	return o, nil
}

func (s *Store) openSmall(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	d, err := s.document(ctx, r.Module())
	if err != nil || d == nil {
		return nil, err
	}
	b := d.Mod
	if r.Kind == tiers.Info {
		b = d.Info
	}
	if len(b) == 0 {
		return nil, nil
	}
	return &tiers.Object{
		Body:    io.NopCloser(bytes.NewReader(b)),
		Size:    int64(len(b)),
		ModTime: d.ID.Timestamp(),
	}, nil
}

// openZip asks for the document and the files at once, and then for the first
// chunks.
func (s *Store) openZip(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	var d *document
	var files []file
	var g errgroup.Group
	g.Go(func() (err error) { d, err = s.document(ctx, r.Module()); return err })
	g.Go(func() (err error) { files, err = s.find(ctx, byNames(r.Module())); return err })
	if err := g.Wait(); err != nil || d == nil {
		return nil, err
	}
	f, err := s.pick(ctx, d, files)
	if err == nil && f == nil && !d.ZipFile.IsZero() {
		f, err = s.zipOf(ctx, d) // saved just now, or renamed by somebody
	}
	if err != nil || f == nil {
		return nil, err
	}
	b := &body{ctx: ctx, store: s, ref: r, file: f}
	if err := b.begin(); err != nil {
		b.Close()
		if errors.Is(err, errTorn) {
			s.inside.Add(f.ID, "")
			return nil, nil // its chunks are lost
		}
		return nil, err
	}
	return &tiers.Object{Body: b, Size: f.Length, ModTime: f.UploadDate}, nil
}

// batch is how many chunks go to and fro at once: 2 MiB.
const batch = 8

// A body reads a file from its beginning to its end, and takes nothing less for
// its end.
type body struct {
	ctx    context.Context
	store  *Store
	ref    tiers.Ref
	file   *file
	cursor *driver.Cursor
	n      int64  // the next chunk
	rest   []byte // of the chunk before
	err    error  // once there is one
}

func (b *body) begin() (err error) {
	ctx, cancel := b.store.within(b.ctx)
	defer cancel()
	b.cursor, err = b.store.chunks.Find(ctx, bson.D{{Key: "files_id", Value: b.file.ID}},
		options.Find().SetSort(bson.D{{Key: "n", Value: 1}}).SetBatchSize(batch))
	if err != nil {
		return err
	}
	return b.next()
}

// next takes the next chunk.
func (b *body) next() error {
	ctx, cancel := b.store.within(b.ctx)
	defer cancel()
	if !b.cursor.Next(ctx) {
		if err := b.cursor.Err(); err != nil {
			return err
		}
		return errTorn
	}
	n, ok := b.cursor.Current.Lookup("n").AsInt64OK()
	_, data, isData := b.cursor.Current.Lookup("data").BinaryOK()
	if !ok || !isData || n != b.n || int64(len(data)) != b.file.size(n) {
		return errTorn
	}
	b.n, b.rest = n+1, data
	return nil
}

func (b *body) Read(p []byte) (int, error) {
	if len(b.rest) == 0 && b.err == nil {
		if b.n == b.file.count() {
			b.err = io.EOF
		} else if err := b.next(); err != nil {
			if errors.Is(err, errTorn) {
				b.store.inside.Add(b.file.ID, "") // absent from now on, so that a save heals it
				err = fmt.Errorf("%w: %w", tiers.ErrCorrupt, err)
			}
			b.err = fmt.Errorf("%s: read %s: %w", b.store.name, b.ref, err)
		}
	}
	if len(b.rest) == 0 {
		return 0, b.err
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Close gives the server's cursor up.
func (b *body) Close() error {
	if b.cursor == nil {
		return nil
	}
	b.rest, b.err = nil, fs.ErrClosed
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), min(b.store.timeout, 5*time.Second))
	defer cancel()
	if err := b.cursor.Close(ctx); err != nil {
		b.store.log.Debug("a cursor stays open until its server closes it", "tier", b.store.name, "error", err)
	}
	return nil
}
