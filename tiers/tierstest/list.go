package tierstest

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

func deleteAndSave(t *testing.T, s tiers.Store) {
	v := every[0]
	for _, seed := range []string{"first", "second", "third"} {
		f := Version(v, seed)
		save(t, s, v, f)
		Holds(t, s, v, f)
		if err := s.Delete(t.Context(), v); err != nil {
			t.Errorf("delete %s: %v", v, err)
		}
		Lacks(t, s, v)
		Lists(t, s, v.Path)
		if err := s.Delete(t.Context(), v); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("delete %s again: got error %v, want fs.ErrNotExist", v, err)
		}
	}
}

func deleteModAlone(t *testing.T, s tiers.Store) {
	v := every[0]
	save(t, s, v, tiers.Files{Mod: Version(v, "first").Mod})
	if err := s.Delete(t.Context(), v); err != nil {
		t.Errorf("delete %s: %v", v, err)
	}
	Lacks(t, s, v)
	f := Version(v, "second")
	save(t, s, v, f)
	Holds(t, s, v, f)
}

func deleteOthers(t *testing.T, s tiers.Store) {
	all := slices.Concat(alike, cased)
	for _, v := range all {
		save(t, s, v, Version(v, "a"))
	}
	for i, v := range all {
		if err := s.Delete(t.Context(), v); err != nil {
			t.Errorf("delete %s: %v", v, err)
		}
		Lacks(t, s, v)
		for _, w := range all[i+1:] {
			HoldsFile(t, s, Ref(w, tiers.Info), Version(w, "a").Info)
		}
	}
	for _, v := range all {
		Lists(t, s, v.Path)
	}
}

func emptyCatalog(t *testing.T, s tiers.Store) {
	vs, next, err := s.Catalog(t.Context(), "", 7)
	if err != nil || len(vs) != 0 || next != "" {
		t.Errorf("catalog: got %v, token %q, error %v, want nothing", vs, next, err)
	}
}

// Catalogs checks that the catalog of s, read in pages of n, has these versions.
func Catalogs(t testing.TB, s tiers.Store, n int, want []module.Version) {
	t.Helper()
	var token string
	seen := make(map[module.Version]int)
	for range 10 * (len(want) + 1) { // a page may be short, but it has to end
		vs, next, err := s.Catalog(t.Context(), token, n)
		if err != nil {
			t.Fatalf("catalog from %q: %v", token, err)
		}
		if len(vs) > n {
			t.Errorf("catalog from %q: got %d versions, want at most %d", token, len(vs), n)
		}
		for _, v := range vs {
			seen[v]++
		}
		if token = next; token == "" {
			break
		}
	}
	if token != "" {
		t.Errorf("catalog: it still goes on, with %q", token)
	}
	for _, v := range want {
		if seen[v] != 1 {
			t.Errorf("catalog: got %s %d times, want once", v, seen[v])
		}
		delete(seen, v)
	}
	for v := range seen {
		t.Errorf("catalog: got %s, which was not to be there", v)
	}
}

func catalogPages(t *testing.T, s tiers.Store) {
	all := slices.Concat(every, alike, cased)
	for i := range 60 {
		all = append(all, module.Version{
			Path:    fmt.Sprintf("example.com/many/m%d", i%13),
			Version: fmt.Sprintf("v1.%d.0", i/13),
		})
	}
	saveAll(t, s, all)
	Catalogs(t, s, 7, all)
}

func catalogOfOne(t *testing.T, s tiers.Store) {
	saveAll(t, s, alike)
	Catalogs(t, s, 1, alike)
}

func catalogWhole(t *testing.T, s tiers.Store) {
	save(t, s, every[0], tiers.Files{Mod: Version(every[0], "a").Mod})
	save(t, s, every[1], Version(every[1], "a"))
	Catalogs(t, s, 7, every[1:2])
}

func catalogDeleted(t *testing.T, s tiers.Store) {
	saveAll(t, s, every)
	first, next, err := s.Catalog(t.Context(), "", 2)
	if err != nil || next == "" {
		t.Fatalf("catalog: got token %q, error %v, want a token", next, err)
	}
	for _, v := range first {
		if err := s.Delete(t.Context(), v); err != nil {
			t.Errorf("delete %s: %v", v, err)
		}
	}
	for range 10 * len(every) {
		if next == "" {
			break
		}
		var vs []module.Version
		if vs, next, err = s.Catalog(t.Context(), next, 2); err != nil {
			t.Fatalf("catalog behind what was deleted: %v", err)
		}
		first = append(first, vs...)
	}
	if len(first) != len(every) {
		t.Errorf("catalog: got %v, want each of %v once", first, every)
	}
}

func catalogToken(t *testing.T, s tiers.Store) {
	saveAll(t, s, every[:3])
	for _, token := range []string{"no token of this store", "../..", "\x00"} {
		if vs, _, err := s.Catalog(t.Context(), token, 7); err == nil {
			t.Errorf("catalog from %q: got %v, want an error", token, vs)
		}
	}
}

func thousands(t *testing.T, s tiers.Store) {
	if testing.Short() {
		t.Skip("many")
	}
	all := make([]module.Version, 3000)
	want := make([]string, len(all))
	for i := range all {
		all[i] = module.Version{Path: "example.com/much", Version: fmt.Sprintf("v1.%d.0", i)}
		want[i] = all[i].Version
	}
	for i := range 334 { // with their three files each, 10,002
		all = append(all, module.Version{Path: fmt.Sprintf("example.com/more/m%d", i), Version: "v1.0.0"})
	}
	saveAll(t, s, all)
	Lists(t, s, "example.com/much", want...)
	Catalogs(t, s, 7, all)
}

// saveAll saves all versions, some at a time.
func saveAll(t *testing.T, s tiers.Store, all []module.Version) {
	t.Helper()
	next := make(chan module.Version)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for v := range next {
				save(t, s, v, Version(v, "a"))
			}
		})
	}
	for _, v := range all {
		next <- v
	}
	close(next)
	wg.Wait()
}
