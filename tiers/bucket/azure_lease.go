package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/lease"

	"github.com/modtier/modtier/tiers/internal/web"
)

// The metadata of a leased object: what the holder says of itself, and the lease
// that it said it under. Azure tells nobody the id of a lease.
const (
	holderField = "modtier_holder"
	leaseField  = "modtier_lease"
)

// AcquireLease takes the lease on the object of that key for a length of 15 to 60
// seconds, rounded up to whole ones, under an id of the caller's, a GUID. If there is
// no object it makes one, the byte 1 as Athens does. If somebody else has the lease,
// the error matches fs.ErrExist; if id has it, its length begins anew, so a request
// whose answer is lost can be made again. Only Azure knows leases: the error of other
// services matches errors.ErrUnsupported, here and below.
func (b *Bucket) AcquireLease(ctx context.Context, key, id string, length time.Duration) error {
	return b.leasing(ctx, "acquire", key, id, func(ctx context.Context, c *azure, l *lease.BlobClient) error {
		seconds := int32((length + time.Second - 1) / time.Second)
		_, err := l.AcquireLease(ctx, seconds, nil)
		if !bloberror.HasCode(err, bloberror.BlobNotFound) {
			return err
		}
		if err := c.createLeased(ctx, key); err != nil {
			return err
		}
		_, err = l.AcquireLease(ctx, seconds, nil)
		return err
	})
}

// RenewLease lets the length of the lease begin anew. If id does not have it any
// more, the error matches fs.ErrExist, or without the object fs.ErrNotExist.
func (b *Bucket) RenewLease(ctx context.Context, key, id string) error {
	return b.leasing(ctx, "renew", key, id, func(ctx context.Context, _ *azure, l *lease.BlobClient) error {
		_, err := l.RenewLease(ctx, nil)
		return err
	})
}

// ReleaseLease ends the lease. Its errors are those of RenewLease.
func (b *Bucket) ReleaseLease(ctx context.Context, key, id string) error {
	return b.leasing(ctx, "release", key, id, func(ctx context.Context, _ *azure, l *lease.BlobClient) error {
		_, err := l.ReleaseLease(ctx, nil)
		return err
	})
}

// SetLeaseHolder writes down what the holder of the lease says of itself, which is
// what a header can hold. Its errors are those of RenewLease.
func (b *Bucket) SetLeaseHolder(ctx context.Context, key, id, holder string) error {
	return b.leasing(ctx, "name", key, id, func(ctx context.Context, c *azure, _ *lease.BlobClient) error {
		_, err := c.container.NewBlobClient(key).SetMetadata(ctx,
			map[string]*string{holderField: &holder, leaseField: &id},
			&blob.SetMetadataOptions{AccessConditions: under(id)})
		return err
	})
}

// LeaseHolder returns what the holder of the lease has said of itself: "" if that is
// nothing, or if nobody has the lease. What a holder has said stays when it dies, so
// Azure is asked whether the lease that it was said under is still the one.
func (b *Bucket) LeaseHolder(ctx context.Context, key string) (holder string, err error) {
	err = b.leasing(ctx, "read", key, "", func(ctx context.Context, c *azure, _ *lease.BlobClient) error {
		object := c.container.NewBlobClient(key)
		r, err := object.GetProperties(ctx, nil)
		if err != nil {
			return err
		}
		said, id := field(r.Metadata, holderField), field(r.Metadata, leaseField)
		if said == "" || id == "" || r.LeaseStatus == nil || *r.LeaseStatus != lease.StatusTypeLocked {
			return nil
		}
		if _, err = object.GetProperties(ctx, &blob.GetPropertiesOptions{AccessConditions: under(id)}); err == nil {
			holder = said
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return "", nil
	}
	return holder, err
}

// leasing makes a call that is about the lease on key.
func (b *Bucket) leasing(ctx context.Context, what, key, id string, call func(context.Context, *azure, *lease.BlobClient) error) error {
	c, ok := b.client.(*azure)
	if !ok {
		return fmt.Errorf("%s: leases: %w", b.Name, errors.ErrUnsupported)
	}
	l, err := lease.NewBlobClient(c.container.NewBlobClient(key), &lease.BlobClientOptions{LeaseID: &id})
	if err != nil {
		return fmt.Errorf("%s: %s lease: %w", b.Name, what, err)
	}
	ctx, cancel := b.bound(ctx)
	defer cancel()
	switch err := call(ctx, c, l); {
	case err == nil:
		return nil
	case bloberror.HasCode(err, bloberror.BlobNotFound):
		return fs.ErrNotExist
	case bloberror.HasCode(err, notTheirs...):
		return fs.ErrExist
	default:
		return fmt.Errorf("%s: %s lease: %w", b.Name, what, web.Why(ctx, c.failure(err)))
	}
}

// notTheirs are the answers to who has no lease, or not that one.
var notTheirs = []bloberror.Code{
	bloberror.LeaseAlreadyPresent,
	bloberror.LeaseIsBreakingAndCannotBeAcquired,
	bloberror.LeaseIsBrokenAndCannotBeRenewed,
	bloberror.LeaseIDMismatchWithLeaseOperation,
	bloberror.LeaseIDMismatchWithBlobOperation,
	bloberror.LeaseNotPresentWithLeaseOperation,
	bloberror.LeaseNotPresentWithBlobOperation,
	bloberror.LeaseLost,
}

// createLeased makes the object that is to be leased. Somebody may be quicker, and
// have leased it already.
func (c *azure) createLeased(ctx context.Context, key string) error {
	unlessThere := &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}}
	body := whole(section([]byte{1}))
	_, err := c.container.NewBlockBlobClient(key).Upload(ctx, body, &blockblob.UploadOptions{AccessConditions: unlessThere})
	if bloberror.HasCode(err, bloberror.BlobAlreadyExists, bloberror.ConditionNotMet, bloberror.LeaseIDMissing) {
		return nil
	}
	return err
}

// under returns the condition that id has the lease.
func under(id string) *blob.AccessConditions {
	return &blob.AccessConditions{LeaseAccessConditions: &blob.LeaseAccessConditions{LeaseID: &id}}
}

// field returns what metadata holds, whose names come as headers are written.
func field(metadata map[string]*string, name string) string {
	for k, v := range metadata {
		if strings.EqualFold(k, name) && v != nil {
			return *v
		}
	}
	return ""
}
