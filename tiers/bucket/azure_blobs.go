package bucket

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

func (c *azure) get(ctx context.Context, key string) (*object, error) {
	r, err := c.container.NewBlobClient(key).DownloadStream(ctx, nil)
	if bloberror.HasCode(err, bloberror.BlobNotFound) {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, c.failure(err)
	}
	o := &object{body: r.NewRetryReader(ctx, &blob.RetryReaderOptions{MaxRetries: attempts - 1}), size: -1}
	if r.ContentLength != nil {
		o.size = *r.ContentLength
	}
	if r.LastModified != nil {
		o.modTime = *r.LastModified
	}
	return o, nil
}

// create reads body straight into the requests, so it holds none of it in memory.
func (c *azure) create(ctx context.Context, key, contentType string, body *io.SectionReader) error {
	b := c.container.NewBlockBlobClient(key)
	headers := &blob.HTTPHeaders{BlobContentType: &contentType}
	unlessThere := &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}}
	if body.Size() > c.single {
		return c.createInBlocks(ctx, b, headers, unlessThere, body)
	}
	from := whole(body)
	_, err := b.Upload(ctx, from, &blockblob.UploadOptions{HTTPHeaders: headers, AccessConditions: unlessThere})
	return c.created(err, from)
}

// createInBlocks sends blocks, of which nobody sees any, and makes them the blob.
func (c *azure) createInBlocks(ctx context.Context, b *blockblob.Client, headers *blob.HTTPHeaders, unlessThere *blob.AccessConditions, body *io.SectionReader) error {
	var id [20]byte // whose first 16 tell the blocks of racing saves apart
	rand.Read(id[:16])
	var ids []string
	for off := int64(0); off < body.Size(); off += c.block {
		binary.BigEndian.PutUint32(id[16:], uint32(len(ids)))
		ids = append(ids, base64.StdEncoding.EncodeToString(id[:]))
		from := whole(io.NewSectionReader(body, off, min(c.block, body.Size()-off)))
		if _, err := b.StageBlock(ctx, ids[len(ids)-1], from, nil); err != nil {
			return c.there(ctx, b, c.created(err, from))
		}
	}
	_, err := b.CommitBlockList(ctx, ids, &blockblob.CommitBlockListOptions{HTTPHeaders: headers, AccessConditions: unlessThere})
	return c.there(ctx, b, c.created(err, nil))
}

// created returns what err, of a request that was to create a blob, means.
func (c *azure) created(err error, from *wholeBody) error {
	switch {
	case err == nil:
		return nil
	case from != nil && from.err != nil:
		return from.err
	case bloberror.HasCode(err, bloberror.BlobAlreadyExists, bloberror.ConditionNotMet):
		return fs.ErrExist
	}
	return c.failure(err)
}

// there returns fs.ErrExist instead of err if err says that the blocks do not fit:
// they are gone once another's are the blob, and must look like those.
func (c *azure) there(ctx context.Context, b *blockblob.Client, err error) error {
	if e, ok := errors.AsType[*azureAnswer](err); ok && (e.code == bloberror.InvalidBlockList || e.code == bloberror.InvalidBlobOrBlock) {
		if _, perr := b.GetProperties(ctx, nil); perr == nil {
			return fs.ErrExist
		}
	}
	return err
}

func (c *azure) remove(ctx context.Context, key string) error {
	// Without its snapshots, if somebody made any, a blob stays.
	_, err := c.container.NewBlobClient(key).Delete(ctx, &blob.DeleteOptions{DeleteSnapshots: to.Ptr(blob.DeleteSnapshotsOptionTypeInclude)})
	if bloberror.HasCode(err, bloberror.BlobNotFound) {
		return nil
	}
	return c.failure(err)
}

// list starts at after. A service that does not know how, such as an emulator,
// starts at the beginning, and is read on until it comes there.
func (c *azure) list(ctx context.Context, prefix, after string, limit int) (keys []string, more bool, err error) {
	if limit < 1 || limit >= c.page {
		limit = c.page - 1
	}
	n := int32(limit + 1) // StartFrom includes after
	o := &container.ListBlobsFlatOptions{MaxResults: &n}
	if prefix != "" {
		o.Prefix = &prefix
	}
	if after != "" {
		o.StartFrom = &after
	}
	last := ""
	for pager := c.container.NewListBlobsFlatPager(o); pager.More(); n = int32(c.page) {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, false, c.failure(err)
		}
		for _, item := range page.Segment.BlobItems {
			if *item.Name < last {
				return nil, false, errDisorder
			}
			if last = *item.Name; last > after {
				keys = append(keys, last)
			}
		}
		if len(keys) > 0 {
			return keys, pager.More(), nil
		}
	}
	return nil, false, nil
}

// errDisorder is better than a list that leaves out what it cannot come back to.
var errDisorder = errors.New("blobs are not listed in the order of their names: an account with a hierarchical namespace has no catalog")
