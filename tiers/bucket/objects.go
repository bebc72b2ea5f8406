package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/modtier/modtier/tiers/internal/web"
)

// A changer is a client whose service can change an object on condition. A tag
// stands for what an object has at some time; its form is the service's.
type changer interface {
	// read opens an object as get does. now is when the service says that it
	// answered, or zero.
	read(ctx context.Context, key string) (o *object, tag string, now time.Time, err error)

	// write makes body the object if that has tag, or if there is none and tag
	// is "". Else the error matches fs.ErrExist; it matches errors.ErrUnsupported
	// if the service says that it does not know the condition.
	write(ctx context.Context, key string, body *io.SectionReader, tag string) (newTag string, err error)

	// removeIf deletes an object if it has tag, or whatever it has if tag is
	// "". Else the error matches fs.ErrExist; that there is none is no error.
	// It matches errors.ErrUnsupported if the condition cannot be asked for.
	removeIf(ctx context.Context, key, tag string) error
}

const (
	// objectType is the content type of objects that are no files of modules.
	objectType = "text/plain; charset=utf-8"

	// maxObject is how much of one is read.
	maxObject = 8 << 10
)

// ReadObject reads an object that is no file of a module, or of a large one its first
// 8 KiB. Other content has another tag; the age is since it was written, by the
// clock of the service alone, or -1 if that does not say. If there is none, the
// error matches fs.ErrNotExist.
//
// Where conditions are not to be had, as in Azure, which has leases, the error matches
// errors.ErrUnsupported; so do those of WriteObject and RemoveObject.
func (b *Bucket) ReadObject(ctx context.Context, key string) (content []byte, tag string, age time.Duration, err error) {
	ctx, cancel := b.bound(ctx)
	defer cancel()
	content, tag, age, err = b.readObject(ctx, key)
	return content, tag, age, b.why(ctx, err)
}

func (b *Bucket) readObject(ctx context.Context, key string) (content []byte, tag string, age time.Duration, err error) {
	c, err := b.changer()
	if err != nil {
		return nil, "", -1, err
	}
	o, tag, now, err := c.read(ctx, key)
	if err != nil {
		return nil, "", -1, err
	}
	defer o.body.Close()
	if content, err = io.ReadAll(io.LimitReader(o.body, maxObject)); err != nil {
		return nil, "", -1, err
	}
	if now.IsZero() || o.modTime.IsZero() {
		return content, tag, -1, nil
	}
	return content, tag, max(0, now.Sub(o.modTime)), nil // there are services that look at their clock once a second
}

// WriteObject makes content the object, if that still has tag, or if there is none
// and tag is "", and returns its new tag. Else the error matches fs.ErrExist; this
// may also be the answer to a second try whose first one did it.
func (b *Bucket) WriteObject(ctx context.Context, key string, content []byte, tag string) (newTag string, err error) {
	ctx, cancel := b.bound(ctx)
	defer cancel()
	c, err := b.changer()
	if err == nil {
		newTag, err = c.write(ctx, key, section(content), tag)
	}
	return newTag, b.why(ctx, err)
}

// RemoveObject deletes an object if it still has tag, or whatever it has if tag is
// "". Else the error matches fs.ErrExist; that there is none is no error. There are
// services that do not look at the tag, and say nothing.
func (b *Bucket) RemoveObject(ctx context.Context, key, tag string) error {
	ctx, cancel := b.bound(ctx)
	defer cancel()
	c, err := b.changer()
	if err == nil {
		err = c.removeIf(ctx, key, tag)
	}
	return b.why(ctx, err)
}

func (b *Bucket) changer() (changer, error) {
	if c, ok := b.client.(changer); ok {
		return c, nil
	}
	return nil, fmt.Errorf("objects that change: %w", errors.ErrUnsupported)
}

// why returns err with the name of the tier, unless it is one that is branched on.
func (b *Bucket) why(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return err
	}
	return fmt.Errorf("%s: %w", b.Name, web.Why(ctx, err))
}
