package bucket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// Save keeps the files of v as one. The info goes in last, as the mark of a whole
// version.
//
// If another version was saved under the name, that one stays, Differs is told,
// and Save returns nil. If one was begun there but has no info yet, it may still
// be under way, and Save returns an error: it is to be repeated later. A file that
// is older than an hour counts as abandoned, and one that differs is replaced; so is
// a go.mod that was saved alone, since no whole version could be stored else.
func (b *Bucket) Save(ctx context.Context, v module.Version, f tiers.Files) error {
	_, done, err := b.saving.Lock(ctx, v.String())
	if err != nil {
		return fmt.Errorf("%s: save %s: %w", b.Name, v, err)
	}
	defer done()
	s := &saving{Bucket: b, version: v, whole: f.Zip != nil}
	if s.whole {
		err = s.keep(ctx, tiers.Zip, f.Zip)
	}
	if err == nil {
		err = s.keep(ctx, tiers.Mod, section(f.Mod))
	}
	if err == nil && s.whole {
		err = s.keep(ctx, tiers.Info, section(f.Info))
	}
	if err == errKeptOut {
		return nil
	}
	return err
}

func section(b []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))
}

// A saving is one Save at work.
type saving struct {
	*Bucket
	version module.Version
	whole   bool   // there is a zip
	created string // the key of the zip, if this saving made it
}

// errKeptOut ends a saving since another one came first.
var errKeptOut = errors.New("other content is stored")

// abandoned is how old a file without an info must be to be one of a save that
// nobody will complete. The upload of a file ends when its age begins, and what
// is left of a save then takes seconds.
const abandoned = time.Hour

// keep makes body the file of that kind, or finds that it is that already.
func (s *saving) keep(ctx context.Context, k tiers.Kind, body *io.SectionReader) error {
	r := tiers.Ref{Path: s.version.Path, Version: s.version.Version, Kind: k}
	fail := func(err error) error { return fmt.Errorf("%s: save %s: %w", s.Name, r, err) }
	sum, err := sumOf(ctx, body)
	if err != nil {
		return fail(err)
	}
	key := s.layout.key(r)
	stored, err := s.publish(ctx, r, body, sum)
	if err != nil {
		return fail(err)
	}
	if stored == sum {
		return nil
	}
	free, err := s.clear(ctx, r, key)
	if err != nil {
		return fail(err)
	}
	if free {
		if stored, err = s.publish(ctx, r, body, sum); err != nil {
			return fail(err)
		}
		if stored == sum {
			return nil
		}
	}
	// The zip must not stand beside a go.mod of another origin. An info that differs is
	// of who wrote it down, and he may have found this very zip there and counts on it.
	if s.created != "" && k == tiers.Mod {
		if err := s.remove(ctx, s.created); err != nil {
			return fail(err)
		}
		s.stored.Remove(s.created)
	}
	if s.Differs != nil {
		s.Differs(tiers.Difference{
			Store: s.Name, Ref: r, Stored: hex.EncodeToString(stored[:]), Refused: hex.EncodeToString(sum[:]),
		})
	}
	return errKeptOut
}

// publish creates the object of r, unless there is one, and returns the SHA-256 of
// what is stored then. What is remembered needs no request.
func (s *saving) publish(ctx context.Context, r tiers.Ref, body *io.SectionReader, sum [sha256.Size]byte) ([sha256.Size]byte, error) {
	key := s.layout.key(r)
	if stored, ok := s.stored.Get(key); ok {
		return stored, nil
	}
	for try := 0; ; try++ {
		err := s.create(ctx, key, s.layout.types[r.Kind], body)
		if err == nil {
			if r.Kind == tiers.Zip {
				s.created = key
			}
			s.stored.Add(key, sum)
			return sum, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return sum, err
		}
		stored, err := s.sumStored(ctx, key)
		if err == fs.ErrNotExist && try < 3 {
			continue // deleted meanwhile
		}
		if err == fs.ErrNotExist {
			return sum, errors.New("an object that is said to be there is not to be found")
		}
		if err != nil {
			return sum, fmt.Errorf("comparing with what is stored: %w", err)
		}
		s.stored.Add(key, stored)
		return stored, nil
	}
}

// clear makes way for another file r, if the one that is stored was abandoned.
func (s *saving) clear(ctx context.Context, r tiers.Ref, key string) (bool, error) {
	if !s.whole || r.Kind == tiers.Info {
		return false, nil
	}
	info := r
	info.Kind = tiers.Info
	if s.stored.Contains(s.layout.key(info)) {
		return false, nil
	}
	if committed, err := s.has(ctx, s.layout.key(info)); err != nil || committed {
		return false, err
	}
	o, err := s.get(ctx, key)
	if err == fs.ErrNotExist {
		s.stored.Remove(key)
		return true, nil
	}
	if err != nil {
		return false, err
	}
	o.body.Close()
	if age := time.Since(o.modTime); age < abandoned {
		return false, fmt.Errorf("another %s of it was stored at %s, and no info since: its save may be under way, or was abandoned if it is older than %v",
			r.Kind, o.modTime.UTC().Format(time.RFC3339), abandoned)
	}
	s.log().WarnContext(ctx, "an abandoned save is replaced", "store", s.Name, "file", r.String(), "stored", o.modTime.UTC())
	if err := s.remove(ctx, key); err != nil {
		return false, err
	}
	s.stored.Remove(key)
	return true, nil
}

// has reports whether there is an object of that key. It comes first of all that
// begin with its key.
func (b *Bucket) has(ctx context.Context, key string) (bool, error) {
	keys, _, err := b.list(ctx, key, "", 1)
	return len(keys) > 0 && keys[0] == key, err
}

// sumStored returns the SHA-256 of an object.
func (b *Bucket) sumStored(ctx context.Context, key string) (sum [sha256.Size]byte, err error) {
	o, err := b.get(ctx, key)
	if err != nil {
		return sum, err
	}
	defer o.body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, o.body); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// sumOf returns the SHA-256 of body. A body that cannot be read, or is shorter than
// it says, is found out here, before anything of it is sent.
func sumOf(ctx context.Context, body *io.SectionReader) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	n, err := io.Copy(h, &ctxReader{ctx, io.NewSectionReader(body, 0, body.Size())})
	if err == nil && n != body.Size() {
		err = io.ErrUnexpectedEOF
	}
	return [sha256.Size]byte(h.Sum(nil)), err
}

// A ctxReader stops reading when ctx is done.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
