package mongo_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/mongo"
	"github.com/modtier/modtier/tiers/tierstest"
)

var (
	one     = module.Version{Path: "example.com/a/b_c", Version: "v1.0.0"}
	another = module.Version{Path: "example.com/a_b/c", Version: "v1.0.0"} // its zip has the same name
)

func TestAthensVersionsAreReadAndListed(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	all := []module.Version{one, {Path: "github.com/Azure/Foo", Version: "v1.0.1-RC1"}, {Path: "example.com/x", Version: "v2.0.0+incompatible"}}
	for _, v := range all {
		athensSave(t, db, v, tierstest.Version(v, "a"))
	}
	large := module.Version{Path: "example.com/large", Version: "v1.0.0"}
	athensSave(t, db, large, tierstest.Large(large, "a", 3<<20))
	all = append(all, large)
	s := openOn(t, db)
	for _, v := range all[:3] {
		tierstest.Holds(t, s, v, tierstest.Version(v, "a"))
		tierstest.Lists(t, s, v.Path, v.Version)
	}
	tierstest.Holds(t, s, large, tierstest.Large(large, "a", 3<<20))
	tierstest.Catalogs(t, s, 2, all)
	for _, v := range all {
		if err := s.Delete(t.Context(), v); err != nil {
			t.Errorf("delete %s: %v", v, err)
		}
	}
	wantCount(t, db, "modules", 0)
	wantCount(t, db, "fs.files", 0)
	wantCount(t, db, "fs.chunks", 0)
}

func TestEachOfTwoVersionsWithZipsOfOneNameHasItsOwn(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	f, g := tierstest.Version(one, "a"), tierstest.Version(another, "a")
	athensSave(t, db, one, f)
	athensSave(t, db, another, g) // now Athens serves this one for both
	s := openOn(t, db)
	tierstest.Holds(t, s, one, f)
	tierstest.Holds(t, s, another, g)
	tierstest.Lists(t, s, one.Path, one.Version)
	tierstest.Lists(t, s, another.Path, another.Version)
	tierstest.Catalogs(t, s, 7, []module.Version{one, another})
	if err := s.Delete(t.Context(), one); err != nil {
		t.Error(err)
	}
	tierstest.Holds(t, s, another, g)
	if got := athensReads(t, db, another); !bytes.Equal(got, tierstest.Bytes(g, tiers.Zip)) {
		t.Errorf("Athens reads %d bytes of the one that stays, want its zip", len(got))
	}
}

func TestAZipOfTheSameNameDoesNotStandInForALostOne(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	g := tierstest.Version(another, "a")
	athensDocumentOf(t, db, one, tierstest.Version(one, "a"))
	athensSave(t, db, another, g)
	s := openOn(t, db)
	tierstest.Lacks(t, s, one, tiers.Zip)
	tierstest.Lists(t, s, one.Path)
	tierstest.Catalogs(t, s, 7, []module.Version{another})
}

func TestOursDoesNotHideAthensZipOfTheSameName(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	f, g := tierstest.Version(one, "a"), tierstest.Version(another, "a")
	athensSave(t, db, one, f)
	s := openOn(t, db)
	save(t, s, another, g)
	only(t, db, "fs.files", fields("filename", athensName(another)+"."+hash([]byte(another.String()))[:16]))
	tierstest.Holds(t, s, one, f)
	tierstest.Holds(t, s, another, g)
	tierstest.Lists(t, s, another.Path, another.Version)
	if got := athensReads(t, db, one); !bytes.Equal(got, tierstest.Bytes(f, tiers.Zip)) {
		t.Errorf("Athens reads %d bytes, want the zip that it has written", len(got))
	}
	if err := s.Delete(t.Context(), another); err != nil {
		t.Error(err)
	}
	tierstest.Holds(t, s, one, f)
	wantCount(t, db, "fs.files", 1)
}

func TestAZipOfAthensThatHidesOursIsNotServedForIt(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	f, g := tierstest.Version(one, "a"), tierstest.Version(another, "a")
	s := openOn(t, db)
	save(t, s, one, f)
	athensSave(t, db, another, g)
	tierstest.Holds(t, s, one, f)
	tierstest.Holds(t, s, another, g)
}

func TestTheNewestWholeZipOfSeveralIsServed(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	f := tierstest.Version(one, "a")
	zip := tierstest.Bytes(f, tiers.Zip)
	athensZip(t, db, one, tierstest.Bytes(tierstest.Version(one, "older"), tiers.Zip))
	athensSave(t, db, one, f)
	athensZip(t, db, one, zip[:len(zip)/2]) // a copy that failed, which Athens publishes
	athensZip(t, db, one, nil)
	s := openOn(t, db)
	tierstest.Holds(t, s, one, f)
	tierstest.Lists(t, s, one.Path, one.Version)
	save(t, s, one, f)
	wantCount(t, db, "modules", 1)
	wantCount(t, db, "fs.files", 4)
}

func TestHalfADocumentIsNoEmptyFile(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	f := tierstest.Version(one, "a")
	athensZip(t, db, one, tierstest.Bytes(f, tiers.Zip))
	athensDocumentOf(t, db, one, tiers.Files{Info: f.Info})
	s := openOn(t, db)
	tierstest.Lacks(t, s, one, tiers.Mod)
	tierstest.Lists(t, s, one.Path)
	tierstest.Catalogs(t, s, 7, nil)
	save(t, s, one, f)
	tierstest.Holds(t, s, one, f)
	tierstest.Lists(t, s, one.Path, one.Version)
}

func TestForeignDocumentsAndFilesAreLeftAlone(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	f := tierstest.Version(one, "a")
	insert(t, db, "modules",
		fields("_id", "text", "module", 5, "mod", []byte("x"), "info", []byte("x")),
		fields("module", 5, "version", true, "mod", []byte("x"), "info", []byte("x")),
		fields("module", one.Path, "version", "master", "mod", []byte("x"), "info", []byte("x")))
	insert(t, db, "fs.files",
		fields("_id", "text", "length", "long", "filename", athensName(one)),
		fields("length", 9, "chunkSize", 0, "filename", athensName(one)),
		fields("length", 9, "chunkSize", 7, "filename", athensName(one), "metadata", "text"))
	athensSave(t, db, one, f)
	s := openOn(t, db)
	tierstest.Holds(t, s, one, f)
	tierstest.Lists(t, s, one.Path, one.Version)
	tierstest.Catalogs(t, s, 1, []module.Version{one})
	if err := s.Delete(t.Context(), one); err != nil {
		t.Error(err)
	}
	wantCount(t, db, "modules", 3)
	wantCount(t, db, "fs.files", 3)
}

func TestTwoDocumentsOfOneVersionAreOne(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	f, g := tierstest.Version(one, "first"), tierstest.Version(one, "second")
	g.Zip = f.Zip
	athensSave(t, db, one, f) // where Athens could not make its index
	athensDocumentOf(t, db, one, g)
	var log bytes.Buffer
	s := open(t, mongo.Config{URL: uri(t), Database: db.Name(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "an index cannot be made") {
		t.Errorf("log: got %q, want a warning of the index", &log)
	}
	tierstest.Holds(t, s, one, f)
	save(t, s, one, f)
	tierstest.Lists(t, s, one.Path, one.Version)
	if err := s.Delete(t.Context(), one); err != nil {
		t.Error(err)
	}
	wantCount(t, db, "modules", 0)
	wantCount(t, db, "fs.files", 0)
}
