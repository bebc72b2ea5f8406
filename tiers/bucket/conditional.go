package bucket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
)

// Conditional finds out whether the service honours create-only writes, on which
// it rests that the first save wins. It writes a small object twice, under a name
// that no layout has, and removes it. Without them two gateways that save other
// content under one name at the same moment may each keep some of it.
func (b *Bucket) Conditional(ctx context.Context) (honoured bool, err error) {
	key := ".modtier/probe-" + rand.Text()
	fail := func(err error) (bool, error) { return false, fmt.Errorf("%s: probe: %w", b.Name, err) }
	body := section([]byte("modtier was here to see whether this object can be replaced.\n"))
	if err := b.create(ctx, key, "text/plain", body); err != nil {
		return fail(err)
	}
	err = b.create(ctx, key, "text/plain", body)
	honoured = errors.Is(err, fs.ErrExist) && (b.plain == nil || !b.plain.Load())
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if rerr := b.remove(context.WithoutCancel(ctx), key); err == nil {
		err = rerr
	}
	if err != nil {
		return fail(err)
	}
	return honoured, nil
}
