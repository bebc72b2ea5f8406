// Package bucket keeps module files as objects: in S3, MinIO and what speaks
// their protocol, Google Cloud Storage and Azure Blob Storage. Keys and content
// types are those of Athens, so that either reads what the other wrote.
//
// Start reading at [Bucket], then save.go; what each service must do for it is in
// client.go.
package bucket

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/tiers"
)

// Options are what all buckets have in common.
type Options struct {
	Name    string                 // of the tier; "" is the StorageType's: "s3", "minio", "gcp" or "azureblob"
	Timeout time.Duration          // the most that a call takes, or that a body stands still; 0 is 5 minutes
	Differs func(tiers.Difference) // called when a save is kept out; nil is nobody
	Log     *slog.Logger           // nil is slog.Default()
}

func (o Options) timeout() time.Duration {
	if o.Timeout > 0 {
		return o.Timeout
	}
	return 5 * time.Minute
}

func (o Options) log() *slog.Logger {
	if o.Log != nil {
		return o.Log
	}
	return slog.Default()
}

// named returns o, with that name if it has none.
func (o Options) named(name string) Options {
	if o.Name == "" {
		o.Name = name
	}
	return o
}

// A Bucket is a [tiers.Store] in a bucket of an object store. Open one with
// [OpenS3], [OpenMinio], [OpenGCS] or [OpenAzure].
type Bucket struct {
	client client
	layout layout
	Options

	// saving lets one at a time work on a version, in this process. Others may do
	// so elsewhere: what keeps them apart is that objects are only ever created.
	saving locks.Local

	// stored holds the SHA-256 of what is known to be in the bucket, by key. An
	// entry may be wrong once somebody else deletes an object; see Open.
	stored *lru.Cache[string, [sha256.Size]byte]

	// plain, if not nil, is set once the service has turned out not to know
	// create-only writes.
	plain *atomic.Bool
}

// maxStored is how many objects a Bucket remembers: some 16 MB of memory.
const maxStored = 64 << 10

// open makes the Bucket. It asks nobody.
func open(c client, l layout, o Options) *Bucket {
	stored, err := lru.New[string, [sha256.Size]byte](maxStored)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return &Bucket{client: c, layout: l, Options: o, stored: stored}
}

// Check asks the service for something cheap, to see that the bucket can be used.
// Its error is for a person: it names the setting to mend, and no secrets.
//
// It writes nothing, with one exception that Athens makes too: a MinIO bucket that
// is missing when it is first checked is made.
func (b *Bucket) Check(ctx context.Context) error {
	ctx, cancel := b.bound(ctx)
	defer cancel()
	err := b.client.check(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w: %v", b.Name, context.Cause(ctx), err)
	}
	return fmt.Errorf("%s: %w", b.Name, err)
}

// Open opens the file that r names, in one request.
func (b *Bucket) Open(ctx context.Context, r tiers.Ref) (*tiers.Object, error) {
	o, err := b.get(ctx, b.layout.key(r))
	if err == fs.ErrNotExist {
		b.missed(r)
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%s: open %s: %w", b.Name, r, err)
	}
	return &tiers.Object{Body: o.body, Size: o.size, ModTime: o.modTime, Tier: b.Name}, nil
}

// missed forgets what was remembered of r, or of all its version if that was
// thought to be whole: somebody else has deleted it, and the next save must not
// believe that it is there.
func (b *Bucket) missed(r tiers.Ref) {
	info := r
	info.Kind = tiers.Info
	if b.stored.Contains(b.layout.key(info)) {
		b.forget(r.Module())
		return
	}
	b.stored.Remove(b.layout.key(r))
}

func (b *Bucket) forget(v module.Version) {
	for _, k := range []tiers.Kind{tiers.Info, tiers.Mod, tiers.Zip} {
		b.stored.Remove(b.layout.key(tiers.Ref{Path: v.Path, Version: v.Version, Kind: k}))
	}
}
