package upstream

import (
	"context"
	"hash"
	"io"
	"io/fs"
	"net/http"
)

// A body reads a file of an upstream and, when a connection breaks or stalls,
// goes on over another one. Close may be called during a Read.
type body struct {
	ctx    context.Context // of all requests
	cancel context.CancelCauseFunc
	list   *List
	entry  *entry
	rest   []*entry // of the list, those after entry
	path   string
	limit  int64

	size      int64       // -1 if unknown
	validator string      // what makes a range safe to ask for; "" if nothing does
	header    http.Header // of the last copy that was sent from its start

	now   *answer // that is being read
	why   error   // why now is of no more use; nil while it is
	fails int     // in a row
	n     int64   // bytes delivered
	// sum is of the bytes delivered. They are gone, and a copy that is sent
	// from its start has to be compared with something before it may go on.
	// A core hashes faster than an upstream sends, so the cost is accepted.
	sum hash.Hash
	err error // of every further Read
}

// Close ends all requests.
func (b *body) Close() error {
	b.cancel(fs.ErrClosed)
	return nil
}

func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for b.err == nil {
		if b.why != nil {
			if err := b.resume(); err != nil {
				b.end(err)
				break
			}
		}
		n, err := b.now.Read(p)
		if b.n+int64(n) > b.most() {
			b.end(b.tooLong())
			break
		}
		b.n += int64(n)
		b.sum.Write(p[:n])
		if n > 0 {
			b.fails = 0
		}
		if err != nil {
			b.settle(err)
		}
		if n > 0 {
			// Bytes that came are not held back by what happened after them.
			return n, nil
		}
	}
	return 0, b.err
}

// most is how many bytes may come.
func (b *body) most() int64 {
	if b.size >= 0 {
		return b.size
	}
	return b.limit
}

func (b *body) tooLong() error {
	if b.size >= 0 {
		return b.another("a longer one")
	}
	return tooLarge(b.entry, b.limit)
}

// settle decides what the end of an answer means.
func (b *body) settle(err error) {
	switch {
	case err == io.EOF && (b.size < 0 || b.n == b.size):
		b.end(io.EOF)
	case b.n == b.size && b.now.ContentLength >= 0:
		b.end(io.EOF) // all is there, and what happened then does not matter
	case err == io.EOF && b.now.StatusCode == http.StatusOK:
		b.end(b.another("a shorter one")) // its length was not announced
	case err == io.EOF:
		b.lose(io.ErrUnexpectedEOF)
	default:
		b.lose(err)
	}
}

func (b *body) end(err error) {
	b.cancel(err) // which closes now
	b.err = err
}

func (b *body) lose(err error) {
	b.now.close()
	b.why = passing{error: b.failed(err)}
}
