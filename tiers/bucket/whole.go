package bucket

import "io"

// A wholeBody reads a SectionReader from its beginning. It remembers why it could
// not be read to its end, which libraries bury below errors of their own, or try
// again. That it ends early is such a reason.
type wholeBody struct {
	*io.SectionReader
	err error
}

func whole(r *io.SectionReader) *wholeBody {
	return &wholeBody{SectionReader: io.NewSectionReader(r, 0, r.Size())}
}

func (b *wholeBody) Read(p []byte) (int, error) {
	n, err := b.SectionReader.Read(p)
	if err == io.EOF {
		if off, _ := b.Seek(0, io.SeekCurrent); off < b.Size() {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil && err != io.EOF {
		b.err = unreadable{err}
		err = b.err
	}
	return n, err
}

// Close does nothing: whoever made the body reads it again.
func (b *wholeBody) Close() error { return nil }

// An unreadable error is one of reading what is to be stored. It says so to the
// library for Azure, which tries other errors again.
type unreadable struct{ error }

func (e unreadable) Unwrap() error { return e.error }
func (e unreadable) NonRetriable() {}
