package gateway

import (
	"fmt"
	"hash/maphash"
	"testing"
	"time"

	"github.com/modtier/modtier/tiers"
)

// Paths that share a place must not be taken for one another.
func TestWhatIsRememberedOfAPathIsThatPaths(t *testing.T) {
	c := &recent{seed: maphash.MakeSeed()}
	for range 2 {
		for i := range 3 * len(c.places) {
			path := fmt.Sprintf("/example.com/m%d/@v/v1.0.0.mod", i)
			p, err := c.parse(path)
			if want := fmt.Sprintf("example.com/m%d", i); err != nil || p.path != want {
				t.Fatalf("%s: got module %s, error %v, want %s", path, p.path, err, want)
			}
		}
	}
	if _, err := c.parse("/example.com/../@v/list"); err == nil {
		t.Error("a bad path is let through")
	}
}

// A file may be fetched anew after it was evicted, and then has other
// validators.
func TestWhatIsRememberedOfAFileIsThatFiles(t *testing.T) {
	p := new(page)
	first := tiers.NewObject([]byte("abc"), time.Unix(1, 0), "disk")
	later := tiers.NewObject([]byte("abc"), time.Unix(2, 0), "disk")
	longer := tiers.NewObject([]byte("abcd"), time.Unix(2, 0), "disk")
	tags := make(map[string]bool)
	for _, o := range []*tiers.Object{first, later, longer, first} {
		v := p.of(o)
		if v.length[0] != fmt.Sprint(o.Size) || v.lastModified[0] != o.ModTime.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") {
			t.Errorf("a file of %d bytes and %v: got %v", o.Size, o.ModTime, v)
		}
		tags[v.etag[0]] = true
	}
	if len(tags) != 3 {
		t.Errorf("got ETags %v for three files", tags)
	}
	if v := p.of(&tiers.Object{Size: -1, ModTime: time.Unix(1, 0)}); v != nil {
		t.Errorf("a file of unknown size: got %v, want none", v)
	}
}
