package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers/tierstest"
)

// skipMany leaves out what takes emulators minutes, since they look at every
// object to make one. Pages are seen to in TestListGoesOnFromPageToPage.
func skipMany(t *testing.T) {
	if strings.Contains(t.Name(), "/3000_versions_of_one_module") {
		t.Skip("too many for an emulator")
	}
}

// onGCSAndAzure runs a test over a new bucket of each, with the sizes at which the
// clients change their ways.
func onGCSAndAzure(t *testing.T, test func(t *testing.T, b *Bucket)) {
	t.Run("gcs", func(t *testing.T) {
		t.Parallel()
		s := gcsServerFor(t)
		b := s.open(t, s.bucket(t).BucketName())
		b.client.(*gcs).page = 7
		test(t, b)
	})
	t.Run("azure", func(t *testing.T) {
		t.Parallel()
		s := azureServerFor(t)
		b := s.open(t, s.container(t))
		b.client.(*azure).page = 7
		b.client.(*azure).single = gcsChunk
		b.client.(*azure).block = gcsChunk / 4
		test(t, b)
	})
}

// sizes are of bodies that take one request, and that take many.
var sizes = []int{0, 1, 100 << 10, gcsChunk - 1, gcsChunk, gcsChunk + 1, 2*gcsChunk + 100}

func content(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>8) ^ byte(i) ^ seed
	}
	return b
}

// read returns an object's content.
func read(t testing.TB, c client, key string) ([]byte, error) {
	t.Helper()
	o, err := c.get(t.Context(), key)
	if err != nil {
		return nil, err
	}
	defer o.body.Close()
	b, err := io.ReadAll(o.body)
	if err == nil && int64(len(b)) != o.size {
		t.Errorf("size of %s: got %d, want %d", key, o.size, len(b))
	}
	if o.modTime.IsZero() {
		t.Errorf("modTime of %s: got none", key)
	}
	return b, err
}

func TestObjectsOfEverySizeComeBack(t *testing.T) {
	t.Parallel()
	onGCSAndAzure(t, func(t *testing.T, b *Bucket) {
		for _, n := range sizes {
			key := fmt.Sprintf("example.com/!a@b+c d/%d", n)
			want := content(n, 0)
			if err := b.client.create(t.Context(), key, "text/plain", tierstest.Section(want)); err != nil {
				t.Fatalf("create %d bytes: %v", n, err)
			}
			if got, err := read(t, b.client, key); err != nil || !bytes.Equal(got, want) {
				t.Errorf("get: got %d bytes, error %v, want the %d bytes created", len(got), err, n)
			}
			err := b.client.create(t.Context(), key, "text/plain", tierstest.Section(content(n, 1)))
			if !errors.Is(err, fs.ErrExist) {
				t.Errorf("create %d bytes again: got error %v, want fs.ErrExist", n, err)
			}
			if got, err := read(t, b.client, key); err != nil || !bytes.Equal(got, want) {
				t.Errorf("get after the second: got %d bytes, error %v, want those of the first", len(got), err)
			}
		}
	})
}

func TestOneOfSixteenRacingCreatesWins(t *testing.T) {
	t.Parallel()
	onGCSAndAzure(t, func(t *testing.T, b *Bucket) {
		for _, n := range []int{100, gcsChunk + 1} {
			key := fmt.Sprint(n)
			var mu sync.Mutex
			var winners []int
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					err := b.client.create(t.Context(), key, "text/plain", tierstest.Section(content(n, byte(i))))
					if err == nil {
						mu.Lock()
						defer mu.Unlock()
						winners = append(winners, i)
					} else if !errors.Is(err, fs.ErrExist) {
						t.Errorf("create %d bytes: got error %v, want none or fs.ErrExist", n, err)
					}
				})
			}
			wg.Wait()
			if len(winners) != 1 {
				t.Fatalf("create %d bytes: %v won, want one", n, winners)
			}
			if got, err := read(t, b.client, key); err != nil || !bytes.Equal(got, content(n, byte(winners[0]))) {
				t.Errorf("get: got %d bytes, error %v, want those of %d", len(got), err, winners[0])
			}
		}
	})
}

// A breaking reader has an event when it is read behind a place.
type breaking struct {
	b     []byte
	at    int64
	skip  int // how many times it can be read from beginning to end before
	event func(p []byte) (int, error)

	mu       sync.Mutex // guards atBegins
	atBegins int
}

func (r *breaking) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	if off == 0 {
		r.atBegins++
	}
	broken := r.atBegins > r.skip
	r.mu.Unlock()
	if broken && off+int64(len(p)) > r.at {
		if n, err := r.event(p); n > 0 || err != nil {
			return n, err
		}
	}
	return bytes.NewReader(r.b).ReadAt(p, off)
}

func TestABrokenBodyLeavesNothing(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("the disk broke")
	onGCSAndAzure(t, func(t *testing.T, b *Bucket) {
		// The client of GCS reads twice: for the checksum, and to send.
		for _, skip := range []int{0, 1} {
			if _, ok := b.client.(*azure); ok && skip > 0 {
				continue
			}
			for _, n := range sizes[2:] {
				for _, c := range []struct {
					name  string
					event func(cancel func()) func(p []byte) (int, error)
					want  error
				}{
					{"fails", func(func()) func(p []byte) (int, error) {
						return func([]byte) (int, error) { return 0, errBroken }
					}, errBroken},
					{"ends early", func(func()) func(p []byte) (int, error) {
						return func([]byte) (int, error) { return 0, io.EOF }
					}, io.ErrUnexpectedEOF},
					{"is given up", func(cancel func()) func(p []byte) (int, error) {
						return func([]byte) (int, error) { cancel(); return 0, context.Canceled }
					}, context.Canceled},
				} {
					key := fmt.Sprintf("%s/%d/%d", c.name, skip, n)
					ctx, cancel := context.WithCancel(t.Context())
					want := content(n, 0)
					r := &breaking{b: want, at: int64(n) - 10, skip: skip, event: c.event(cancel)}
					err := b.client.create(ctx, key, "text/plain", io.NewSectionReader(r, 0, int64(n)))
					cancel()
					if !errors.Is(err, c.want) {
						t.Errorf("create %s: got error %v, want %v", key, err, c.want)
					}
					if got, err := read(t, b.client, key); err != fs.ErrNotExist {
						t.Errorf("get %s: got %d bytes, error %v, want fs.ErrNotExist", key, len(got), err)
					}
					if err := b.client.create(t.Context(), key, "text/plain", tierstest.Section(want)); err != nil {
						t.Errorf("create %s again: %v", key, err)
					}
				}
			}
		}
	})
}

func TestListGoesOnFromPageToPage(t *testing.T) {
	t.Parallel()
	onGCSAndAzure(t, func(t *testing.T, b *Bucket) {
		var want []string
		for i := range 30 {
			for _, prefix := range []string{"a/", "b/", "c/"} {
				key := fmt.Sprintf("%s%02d", prefix, i)
				if err := b.client.create(t.Context(), key, "text/plain", tierstest.Section([]byte("x"))); err != nil {
					t.Fatal(err)
				}
				if prefix == "b/" {
					want = append(want, key)
				}
			}
		}
		for start := range want {
			after := ""
			if start > 0 {
				after = want[start-1]
			}
			var got []string
			for more := true; more; {
				var keys []string
				var err error
				keys, more, err = b.client.list(t.Context(), "b/", after, start%9)
				if err != nil {
					t.Fatal(err)
				}
				if len(keys) == 0 {
					break
				}
				if len(keys) > 7 {
					t.Fatalf("list: got %d keys in a page, want at most 7", len(keys))
				}
				got = append(got, keys...)
				after = keys[len(keys)-1]
			}
			if !slices.Equal(got, want[start:]) {
				t.Errorf("list: got %q, want %q", got, want[start:])
			}
		}
	})
}

func TestVersionsInManyPagesAreAllListed(t *testing.T) {
	t.Parallel()
	onGCSAndAzure(t, func(t *testing.T, b *Bucket) {
		var all []module.Version
		var want []string
		for i := range 40 {
			v := module.Version{Path: "example.com/much", Version: fmt.Sprintf("v1.%d.0", i)}
			if err := b.Save(t.Context(), v, tierstest.Version(v, "a")); err != nil {
				t.Fatal(err)
			}
			all, want = append(all, v), append(want, v.Version)
		}
		tierstest.Lists(t, b, "example.com/much", want...)
		tierstest.Catalogs(t, b, 3, all)
	})
}

func TestRemovingWhatIsNotThereIsNoError(t *testing.T) {
	t.Parallel()
	onGCSAndAzure(t, func(t *testing.T, b *Bucket) {
		if err := b.client.create(t.Context(), "key", "text/plain", tierstest.Section([]byte("x"))); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := b.client.remove(t.Context(), "key"); err != nil {
				t.Errorf("remove: %v", err)
			}
		}
		if _, err := read(t, b.client, "key"); err != fs.ErrNotExist {
			t.Errorf("get: got error %v, want fs.ErrNotExist", err)
		}
	})
}
