package tierstest

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
)

// TestStore tests stores that open gives, each new and empty. With -short it
// leaves out what is large or many.
func TestStore(t *testing.T, open func(t *testing.T) tiers.Store) {
	for _, c := range []struct {
		claim string
		test  func(t *testing.T, s tiers.Store)
	}{
		{"what was never saved is absent", neverSaved},
		{"versions of every form come back as they were saved", everyForm},
		{"the first save wins", firstSaveWins},
		{"a save puts what an earlier one lacks beside what it has", completes},
		{"racing saves all succeed and end as one of them", racingSaves},
		{"racing saves of many versions all end whole", racingVersions},
		{"a save whose context is over saves nothing, and one repeated heals", cancelledSave},
		{"a save cancelled half-way saves nothing, and one repeated heals", cancelledHalfway},
		{"a save whose zip breaks off saves nothing, and one repeated heals", brokenZip},
		{"a save whose zip is shorter than it says saves nothing, and one repeated heals", shortZip},
		{"a go.mod alone is kept and is no version", modAlone},
		{"modules whose names are alike are apart", namesAlike},
		{"names that differ in case only are apart", func(t *testing.T, s tiers.Store) { saveAndList(t, s, cased) }},
		{"many read one file at once", manyRead},
		{"an open whose context is over is no absence", cancelledOpen},
		{"a list whose context is over is no short list", cancelledList},
		{"a deleted version is gone, and can be saved anew", deleteAndSave},
		{"a deleted go.mod alone is gone", deleteModAlone},
		{"delete touches no other version", deleteOthers},
		{"the catalog of an empty store is empty", emptyCatalog},
		{"the catalog in pages has each version once, and ends", catalogPages},
		{"the catalog in pages of one has each version once, and ends", catalogOfOne},
		{"the catalog leaves out what is not whole", catalogWhole},
		{"the catalog goes on behind a version that was deleted", catalogDeleted},
		{"a catalog token that the store did not give is an error", catalogToken},
		{"a zip of 100 MB comes back whole", large},
		{"3000 versions of one module are all listed, and 10,000 files in pages of 7", thousands},
	} {
		t.Run(c.claim, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func save(t testing.TB, s tiers.Store, v module.Version, f tiers.Files) {
	t.Helper()
	if err := s.Save(t.Context(), v, f); err != nil {
		t.Errorf("save %s: %v", v, err)
	}
}

// Lists checks that s lists these versions of path, in any order.
func Lists(t testing.TB, s tiers.Store, path string, want ...string) {
	t.Helper()
	got, err := s.Versions(t.Context(), path)
	if err != nil {
		t.Errorf("versions of %s: %v", path, err)
		return
	}
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("versions of %s: got %q, want %q", path, got, want)
	}
}

func neverSaved(t *testing.T, s tiers.Store) {
	neverThere(t, s, s.Delete)
	for _, v := range every {
		Lists(t, s, v.Path)
	}
	save(t, s, every[0], Version(every[0], "a"))
	neighbour := module.Version{Path: every[0].Path, Version: "v9.9.9"}
	Lacks(t, s, neighbour)
	if err := s.Delete(t.Context(), neighbour); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("delete %s: got error %v, want fs.ErrNotExist", neighbour, err)
	}
}

func everyForm(t *testing.T, s tiers.Store) { saveAndList(t, s, every) }

func namesAlike(t *testing.T, s tiers.Store) { saveAndList(t, s, alike) }

// saveAndList saves all, and checks that each version comes back as its own
// and is listed with its module and with no other.
func saveAndList(t *testing.T, s tiers.Store, all []module.Version) {
	t.Helper()
	want := make(map[string][]string)
	for _, v := range all {
		Lacks(t, s, v)
		save(t, s, v, Version(v, "a"))
		want[v.Path] = append(want[v.Path], v.Version)
		Lists(t, s, v.Path, want[v.Path]...)
	}
	for _, v := range all {
		Holds(t, s, v, Version(v, "a"))
		Lists(t, s, v.Path, want[v.Path]...)
	}
}

func manyRead(t *testing.T, s tiers.Store) {
	v := every[0]
	f := Large(v, "a", 300<<10)
	save(t, s, v, f)
	for _, k := range Kinds {
		readAtOnce(t, s, Ref(v, k), Bytes(f, k))
	}
	Holds(t, s, v, f)
}

func cancelledOpen(t *testing.T, s tiers.Store) {
	v := every[0]
	f := Version(v, "a")
	save(t, s, v, f)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, k := range Kinds {
		got, err := ReadFile(ctx, s, Ref(v, k)) // may fail or not
		if errors.Is(err, fs.ErrNotExist) || err == nil && string(got) != string(Bytes(f, k)) {
			t.Errorf("open %s: got %s, error %v, want the file or another error", Ref(v, k), short(got), err)
		}
	}
}

func cancelledList(t *testing.T, s tiers.Store) {
	v := every[0]
	save(t, s, v, Version(v, "a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if vs, err := s.Versions(ctx, v.Path); err == nil && !slices.Equal(vs, []string{v.Version}) {
		t.Errorf("versions of %s: got %q without an error, want %q or an error", v.Path, vs, v.Version)
	}
	if vs, next, err := s.Catalog(ctx, "", 7); err == nil && (!slices.Equal(vs, []module.Version{v}) || next != "") {
		t.Errorf("catalog: got %v and token %q without an error, want %v or an error", vs, next, v)
	}
}
