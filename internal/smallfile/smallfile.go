// Package smallfile reads files that people write: a configuration, rules, a page. It
// is not for what programs write, where each byte counts and no mark is one too many.
//
// Start reading at [Read].
package smallfile

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// Read reads a file of at most limit bytes, whatever it turns out to be, without the
// mark that some editors put before UTF-8. Its error has the name.
func Read(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s: want at most %d bytes", name, limit)
	}
	return bytes.TrimPrefix(b, []byte("\ufeff")), nil
}
