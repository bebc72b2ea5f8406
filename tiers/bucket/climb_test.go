package bucket

import (
	"fmt"
	"slices"
	"testing"
)

// steep are keys in whose order a directory comes between others that its name begins.
func steep() []string {
	var keys []string
	for i := range 40 {
		keys = append(keys,
			fmt.Sprintf("a/sdk-v2/v1.%d.0/go.mod", i),
			fmt.Sprintf("a/sdk/v1.0.0-rc.%d/go.mod", i))
	}
	return append(keys, "a/sdk/v1.0.0/c/v1.0.0/go.mod", "a/sdk/v1.0.0/go.mod", "a/sdk/v1.0.0/source.zip", "a/sdk/v1.0.0/v1.0.0.info",
		"a/sdk/v1.0.1/go.mod", "a/sdk0/v1.0.0/go.mod", "a/sdk.x/v1.0.0/go.mod", "a/sdkx/v1.0.0/go.mod", "b/v1.0.0/go.mod", "b-c/v1.0.0/go.mod", "x", "x-y", "z/x")
}

func TestListIsCompleteFromEachKey(t *testing.T) {
	onEach(t, func(t *testing.T, s server, open func(testing.TB, server, string) *Bucket) {
		bucket := s.bucket(t)
		b := open(t, s, bucket)
		all := steep()
		for _, key := range all {
			s.put(t, bucket, key, "text/plain", []byte("x"))
		}
		slices.Sort(all)
		for i, key := range append([]string{""}, all...) {
			for _, limit := range []int{1, 3, 10, 0} {
				got, more, err := b.client.list(t.Context(), "", key, limit)
				if err != nil {
					t.Fatal(err)
				}
				rest := all[i:]
				if len(got) == 0 && len(rest) > 0 || !slices.Equal(got, rest[:min(len(got), len(rest))]) || !more && len(got) < len(rest) {
					t.Errorf("after %q, limit %d: got %q, more: %v, want the beginning of %q", key, limit, got, more, rest)
				}
			}
		}
	})
}

func TestListInPagesIsComplete(t *testing.T) {
	onEach(t, func(t *testing.T, s server, open func(testing.TB, server, string) *Bucket) {
		bucket := s.bucket(t)
		b := open(t, s, bucket)
		all := steep()
		for _, key := range all {
			s.put(t, bucket, key, "text/plain", []byte("x"))
		}
		slices.Sort(all)
		for _, limit := range []int{1, 2, 7, 50} {
			var got []string
			for after, more := "", true; more && len(got) <= len(all); {
				keys, m, err := b.list(t.Context(), "", after, limit)
				if err != nil {
					t.Fatal(err)
				}
				if more = m; len(keys) > 0 {
					after = keys[len(keys)-1]
				}
				got = append(got, keys...)
			}
			if !slices.Equal(got, all) {
				t.Errorf("in pages of %d: got %d keys, want all %d in order", limit, len(got), len(all))
			}
		}
	})
}
