package tierstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// TestCache tests caches that open gives, each new, empty and with room for a
// MiB. A cache may decline or forget, but not answer wrongly. One that keeps a
// file some time after Put returns is to be wrapped so that Put waits for that.
func TestCache(t *testing.T, open func(t *testing.T) tiers.Cache) {
	for _, c := range []struct {
		claim string
		test  func(t *testing.T, c tiers.Cache)
	}{
		{"what was never put is absent", func(t *testing.T, c tiers.Cache) { neverThere(t, c, c.Delete) }},
		{"an empty cache with room keeps something", keepsSomething},
		{"what was put opens as it was put, or not at all", opensAsPut},
		{"the modification time comes back", modTimeComesBack},
		{"the first put stays", firstPutStays},
		{"a zip is kept as a zip or declined", zipKeptOrDeclined},
		{"each file is kept by itself", eachByItself},
		{"versions of every form, and with names alike, are apart", apart},
		{"delete forgets all files of the version", deleteForgets},
		{"delete touches no other version", deleteTouchesNoOther},
		{"racing puts end as one of them", racingPuts},
		{"a file that is open outlives its deletion", openOutlivesDelete},
		{"a put whose context is over tears nothing", cancelledPut},
		{"many read one file at once", func(t *testing.T, c tiers.Cache) {
			v := every[0]
			f := Version(v, "a")
			put(t, c, Ref(v, tiers.Mod), f.Mod)
			readAtOnce(t, c, Ref(v, tiers.Mod), f.Mod)
		}},
	} {
		t.Run(c.claim, func(t *testing.T) { c.test(t, open(t)) })
	}
}

var putTime = time.Date(2024, 2, 3, 4, 5, 6, 789012000, time.UTC)

func put(t *testing.T, c tiers.Cache, r tiers.Ref, b []byte) {
	t.Helper()
	if err := c.Put(t.Context(), r, b, putTime); err != nil {
		t.Errorf("put %s: %v", r, err)
	}
}

// mayHold checks that c has want for r, or nothing, and reports which.
func mayHold(t *testing.T, c tiers.Cache, r tiers.Ref, want []byte) bool {
	t.Helper()
	got, err := ReadFile(t.Context(), c, r)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil {
		t.Errorf("open %s: %v", r, err)
		return false
	}
	if !bytes.Equal(got, want) {
		t.Errorf("open %s: got %s, want %s", r, short(got), short(want))
		return false
	}
	return true
}

func neverThere(t *testing.T, s tiers.Source, del func(context.Context, module.Version) error) {
	for _, v := range slices.Concat(every, alike) {
		Lacks(t, s, v)
		if err := del(t.Context(), v); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("delete %s: got error %v, want fs.ErrNotExist", v, err)
		}
	}
}

func keepsSomething(t *testing.T, c tiers.Cache) {
	var kept int
	for i := range 16 {
		v := module.Version{Path: "example.com/some", Version: fmt.Sprintf("v1.0.%d", i)}
		f := Version(v, "a")
		put(t, c, Ref(v, tiers.Mod), f.Mod)
		if mayHold(t, c, Ref(v, tiers.Mod), f.Mod) {
			kept++
		}
	}
	if kept == 0 {
		t.Error("kept: got none of 16 files, want some")
	}
}

func opensAsPut(t *testing.T, c tiers.Cache) {
	for _, v := range every {
		f := Version(v, "a")
		for _, k := range Kinds {
			put(t, c, Ref(v, k), Bytes(f, k))
			mayHold(t, c, Ref(v, k), Bytes(f, k))
		}
	}
}

func modTimeComesBack(t *testing.T, c tiers.Cache) {
	r := Ref(every[0], tiers.Mod)
	put(t, c, r, Version(every[0], "a").Mod)
	o, err := c.Open(t.Context(), r)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the cache declined")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	if !o.ModTime.Equal(putTime) {
		t.Errorf("ModTime: got %v, want %v", o.ModTime, putTime)
	}
}

func firstPutStays(t *testing.T, c tiers.Cache) {
	v := every[0]
	first, second := Version(v, "first"), Version(v, "second")
	for _, k := range Kinds {
		put(t, c, Ref(v, k), Bytes(first, k))
		if mayHold(t, c, Ref(v, k), Bytes(first, k)) {
			put(t, c, Ref(v, k), Bytes(second, k))
			mayHold(t, c, Ref(v, k), Bytes(first, k))
		}
	}
}

func zipKeptOrDeclined(t *testing.T, c tiers.Cache) {
	v := every[0]
	f := Large(v, "a", 100<<10)
	put(t, c, Ref(v, tiers.Zip), Bytes(f, tiers.Zip))
	mayHold(t, c, Ref(v, tiers.Zip), Bytes(f, tiers.Zip))
}

func eachByItself(t *testing.T, c tiers.Cache) {
	v := every[0]
	f := Version(v, "a")
	put(t, c, Ref(v, tiers.Mod), f.Mod)
	Lacks(t, c, v, tiers.Info, tiers.Zip)
	put(t, c, Ref(v, tiers.Info), f.Info)
	Lacks(t, c, v, tiers.Zip)
	mayHold(t, c, Ref(v, tiers.Mod), f.Mod)
	mayHold(t, c, Ref(v, tiers.Info), f.Info)
}

func apart(t *testing.T, c tiers.Cache) {
	all := slices.Concat(every, alike, cased)
	for _, v := range all {
		for _, k := range Kinds {
			put(t, c, Ref(v, k), Bytes(Version(v, "a"), k))
		}
	}
	for _, v := range all {
		for _, k := range Kinds {
			mayHold(t, c, Ref(v, k), Bytes(Version(v, "a"), k))
		}
	}
}

func deleteForgets(t *testing.T, c tiers.Cache) {
	v := every[0]
	f := Version(v, "a")
	for range 3 { // what was deleted can be put, and deleted, again
		var kept bool
		for _, k := range Kinds {
			put(t, c, Ref(v, k), Bytes(f, k))
			kept = mayHold(t, c, Ref(v, k), Bytes(f, k)) || kept
		}
		err := c.Delete(t.Context(), v)
		if kept && err != nil {
			t.Errorf("delete %s: %v", v, err)
		}
		Lacks(t, c, v)
		if err := c.Delete(t.Context(), v); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("delete %s again: got error %v, want fs.ErrNotExist", v, err)
		}
	}
}

func deleteTouchesNoOther(t *testing.T, c tiers.Cache) {
	all := slices.Concat(alike, cased)
	for i, v := range all {
		var before []bool
		for _, w := range all {
			f := Version(w, "a")
			put(t, c, Ref(w, tiers.Mod), f.Mod)
			before = append(before, mayHold(t, c, Ref(w, tiers.Mod), f.Mod))
		}
		if err := c.Delete(t.Context(), v); before[i] && err != nil {
			t.Errorf("delete %s: %v", v, err)
		}
		for j, w := range all {
			if after := mayHold(t, c, Ref(w, tiers.Mod), Version(w, "a").Mod); before[j] && !after && j != i {
				t.Errorf("delete %s: it deleted %s", v, w)
			}
		}
	}
}

func racingPuts(t *testing.T, c tiers.Cache) {
	v := every[0]
	r := Ref(v, tiers.Mod)
	var all [][]byte
	var wg sync.WaitGroup
	for i := range 16 {
		b := Version(v, fmt.Sprint(i)).Mod
		all = append(all, b)
		wg.Go(func() { put(t, c, r, b) })
	}
	wg.Wait()
	first, err := ReadFile(t.Context(), c, r)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil || !slices.ContainsFunc(all, func(b []byte) bool { return bytes.Equal(b, first) }) {
		t.Fatalf("open %s: got %s, error %v, want one of those put", r, short(first), err)
	}
	mayHold(t, c, r, first)
}

func openOutlivesDelete(t *testing.T, c tiers.Cache) {
	v := every[0]
	f := Version(v, "a")
	put(t, c, Ref(v, tiers.Mod), f.Mod)
	o, err := c.Open(t.Context(), Ref(v, tiers.Mod))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the cache declined")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), v); err != nil {
		t.Errorf("delete %s: %v", v, err)
	}
	if got, err := ReadObject(o); err != nil || !bytes.Equal(got, f.Mod) {
		t.Errorf("reading on: got %s, error %v, want %s", short(got), err, short(f.Mod))
	}
}

func cancelledPut(t *testing.T, c tiers.Cache) {
	v := every[0]
	f := Version(v, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, k := range Kinds {
		c.Put(ctx, Ref(v, k), Bytes(f, k), putTime) // may fail or not
		mayHold(t, c, Ref(v, k), Bytes(f, k))
		put(t, c, Ref(v, k), Bytes(f, k))
		mayHold(t, c, Ref(v, k), Bytes(f, k))
	}
}

// readAtOnce checks that readers of one file, which may have been forgotten,
// do not meet.
func readAtOnce(t *testing.T, s tiers.Source, r tiers.Ref, want []byte) {
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			got, err := ReadFile(t.Context(), s, r)
			if !errors.Is(err, fs.ErrNotExist) && (err != nil || !bytes.Equal(got, want)) {
				t.Errorf("open %s: got %s, error %v, want %s", r, short(got), err, short(want))
			}
		})
	}
	wg.Wait()
}
