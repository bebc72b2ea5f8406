package bucket

import (
	"context"
	"io"
	"time"
)

// A client is one bucket of one service. It knows keys and bytes; what they mean
// is the engine's, and so is every limit in time: the engine ends ctx when a call
// takes too long, or when a body does not move. Errors come without the name of
// the tier.
type client interface {
	// check asks for something cheap, to see that the bucket can be used. Its
	// error is for a person and names what to mend.
	check(ctx context.Context) error

	// get opens an object, in one request. If there is none, the error matches
	// fs.ErrNotExist; that the bucket itself is missing is another error. A body
	// that ends early ends in an error.
	get(ctx context.Context, key string) (*object, error)

	// create makes body the object of that key, unless there is one: then the
	// error matches fs.ErrExist, and what is there stays. It stores all of body
	// or nothing.
	create(ctx context.Context, key, contentType string, body *io.SectionReader) error

	// remove deletes an object. That there is none is no error.
	remove(ctx context.Context, key string) error

	// list returns objects whose keys begin with prefix and come after after,
	// in the order of their bytes: at least one if there are any, and whether
	// there may be more. It returns as many as come in one request, and that
	// should ask for limit if that is not 0.
	list(ctx context.Context, prefix, after string, limit int) (keys []string, more bool, err error)
}

// An object is one that get opened. Body must be closed.
type object struct {
	body    io.ReadCloser
	size    int64 // in bytes
	modTime time.Time
}
