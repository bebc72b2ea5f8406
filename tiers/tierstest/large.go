package tierstest

import (
	"archive/zip"
	"bytes"
	"hash/crc32"
	"io"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// Large returns the files of v, with a zip of somewhat more than size bytes that
// takes up hardly any memory.
func Large(v module.Version, seed string, size int64) tiers.Files {
	f := Version(v, seed)
	block := bytes.Repeat([]byte(seed+" 0123456789abcdef "), 4096)
	blocks := size/int64(len(block)) + 1

	sum := crc32.NewIEEE()
	for range blocks {
		sum.Write(block)
	}
	z := &largeZip{block: block, content: blocks * int64(len(block))}
	w := zip.NewWriter(z)
	addTo(w, v, "go.mod", f.Mod)
	content, err := w.CreateRaw(&zip.FileHeader{
		Name:               v.String() + "/large.txt",
		Method:             zip.Store,
		CRC32:              sum.Sum32(),
		CompressedSize64:   uint64(z.content),
		UncompressedSize64: uint64(z.content),
	})
	if err == nil {
		err = w.Flush()
	}
	z.at = int64(len(z.frame))
	for range blocks {
		if err == nil {
			z.skip = true
			_, err = content.Write(block)
		}
	}
	if err == nil {
		err = w.Flush()
	}
	z.skip = false
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // a largeZip takes everything
	}
	f.Zip = io.NewSectionReader(z, 0, int64(len(z.frame))+z.content)
	return f
}

// A largeZip is a zip of which all is written down but the content of its
// largest file, which is one block over and over.
type largeZip struct {
	frame   []byte // what is before and behind the content
	block   []byte
	at      int64 // where the content begins
	content int64 // its bytes
	skip    bool  // what is written now is content
}

func (z *largeZip) Write(p []byte) (int, error) {
	if !z.skip {
		z.frame = append(z.frame, p...)
	}
	return len(p), nil
}

func (z *largeZip) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		var from []byte
		switch pos := off + int64(n); {
		case pos < z.at:
			from = z.frame[pos:z.at]
		case pos < z.at+z.content:
			from = z.block[(pos-z.at)%int64(len(z.block)):]
		case pos < int64(len(z.frame))+z.content:
			from = z.frame[pos-z.content:]
		default:
			return n, io.EOF
		}
		n += copy(p[n:], from)
	}
	return n, nil
}
