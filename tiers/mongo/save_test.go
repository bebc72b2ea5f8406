package mongo_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/mongo"
	"github.com/modtier/modtier/tiers/tierstest"
)

func save(t *testing.T, s tiers.Store, v module.Version, f tiers.Files) {
	t.Helper()
	if err := s.Save(t.Context(), v, f); err != nil {
		t.Errorf("save %s: %v", v, err)
	}
}

func TestWhatWeWriteIsWhatAthensWrites(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	f := tierstest.Large(one, "a", 600<<10)
	s := openOn(t, db)
	save(t, s, one, f)

	doc := only(t, db, "modules", bson.D{})
	zipFile := doc.Lookup("zip_file").ObjectID()
	want(t, doc, fields("_id", doc.Lookup("_id").ObjectID(), "module", one.Path, "version", one.Version,
		"mod", f.Mod, "info", f.Info, "zip_file", zipFile))
	var known athensDocument
	if err := bson.Unmarshal(doc, &known); err != nil || !bytes.Equal(known.Mod, f.Mod) {
		t.Errorf("Athens reads %v, error %v", known, err)
	}

	file := only(t, db, "fs.files", bson.D{})
	zip := tierstest.Bytes(f, tiers.Zip)
	date := file.Lookup("uploadDate").Time()
	want(t, file, fields("_id", zipFile, "length", int64(len(zip)), "chunkSize", int32(261120), "uploadDate", date,
		"filename", "example.com_a_b_c_v1.0.0.zip",
		"metadata", fields("module", one.Path, "version", one.Version, "sha256", hash(zip))))
	if age := time.Since(date); age < -time.Hour || age > time.Hour {
		t.Errorf("uploadDate: got %v", date)
	}
	for n := range int32(3) {
		chunk := only(t, db, "fs.chunks", fields("n", n))
		want(t, chunk, fields("_id", chunk.Lookup("_id").ObjectID(), "files_id", zipFile, "n", n,
			"data", zip[int(n)*261120:min(len(zip), int(n+1)*261120)]))
	}
	wantCount(t, db, "fs.chunks", 3)
	if got := athensReads(t, db, one); !bytes.Equal(got, zip) {
		t.Errorf("Athens reads %d bytes, want %d", len(got), len(zip))
	}
	for collection, names := range map[string]string{
		"modules":   "_id_ base_url_1_module_1_version_1 module_1_version_1",
		"fs.files":  "_id_ filename_1_uploadDate_1",
		"fs.chunks": "_id_ files_id_1_n_1",
	} {
		specs, err := db.Collection(collection).Indexes().ListSpecifications(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range specs {
			got = append(got, i.Name)
		}
		if got := strings.Join(got, " "); got != names {
			t.Errorf("%s: got indexes %s, want %s", collection, got, names)
		}
	}
}

func hash(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

func want(t *testing.T, got bson.Raw, d bson.D) {
	t.Helper()
	b, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b) {
		t.Errorf("got  %.300s\nwant %.300s", got, bson.Raw(b))
	}
}

func TestASaveThatComesTooLateIsComparedAndKeptOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		whose string
		first func(t *testing.T, db *driver.Database, s *mongo.Store, f tiers.Files)
	}{
		{"ours", func(t *testing.T, _ *driver.Database, s *mongo.Store, f tiers.Files) { save(t, s, one, f) }},
		{"of Athens", func(t *testing.T, db *driver.Database, _ *mongo.Store, f tiers.Files) { athensSave(t, db, one, f) }},
	} {
		t.Run(c.whose, func(t *testing.T) {
			db := newDatabase(t)
			var got []tiers.Difference
			s := open(t, mongo.Config{URL: uri(t), Database: db.Name(), Name: "second",
				Differs: func(d tiers.Difference) { got = append(got, d) }})
			f, g := tierstest.Version(one, "a"), tierstest.Version(one, "b")
			c.first(t, db, s, f)
			for _, k := range tierstest.Kinds {
				got = nil
				save(t, s, one, f)
				if len(got) > 0 {
					t.Errorf("the same again: got %v", got)
				}
				other := f
				switch k {
				case tiers.Info:
					other.Info = g.Info
				case tiers.Mod:
					other.Mod = g.Mod
				case tiers.Zip:
					other.Zip = g.Zip
				}
				save(t, s, one, other)
				want := tiers.Difference{Store: "second", Ref: tierstest.Ref(one, k),
					Stored: hash(tierstest.Bytes(f, k)), Refused: hash(tierstest.Bytes(g, k))}
				if len(got) != 1 || got[0] != want {
					t.Errorf("got %v, want %v", got, want)
				}
				tierstest.Holds(t, s, one, f)
			}
			wantCount(t, db, "modules", 1)
			wantCount(t, db, "fs.files", 1)
		})
	}
}

func TestRacingSavesThatHealEndAsOneOfThemAndLeaveNothingElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		claim  string
		before func(t *testing.T, db *driver.Database)
	}{
		{"nothing", func(*testing.T, *driver.Database) {}},
		{"a document without its zip", func(t *testing.T, db *driver.Database) {
			athensDocumentOf(t, db, one, tierstest.Version(one, "lost"))
		}},
		{"half a document", func(t *testing.T, db *driver.Database) {
			athensDocumentOf(t, db, one, tiers.Files{Mod: []byte("half")})
		}},
	} {
		t.Run("over "+c.claim, func(t *testing.T) {
			db := newDatabase(t)
			c.before(t, db)
			var wg sync.WaitGroup
			for i := range 16 {
				s := openOn(t, db)
				wg.Go(func() { save(t, s, one, tierstest.Version(one, fmt.Sprint(i))) })
			}
			wg.Wait()
			s := openOn(t, db)
			mod, err := tierstest.ReadFile(t.Context(), s, tierstest.Ref(one, tiers.Mod))
			if err != nil {
				t.Fatal(err)
			}
			for i := range 16 {
				if f := tierstest.Version(one, fmt.Sprint(i)); bytes.Equal(mod, f.Mod) {
					tierstest.Holds(t, s, one, f)
					if got := athensReads(t, db, one); !bytes.Equal(got, tierstest.Bytes(f, tiers.Zip)) {
						t.Errorf("Athens reads %d bytes of another", len(got))
					}
				}
			}
			wantCount(t, db, "modules", 1)
			wantCount(t, db, "fs.files", 1)
			wantCount(t, db, "fs.chunks", 1)
		})
	}
}

func TestTwoOfOneNameSavedAtOnceAreNeverServedForEachOther(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := openOn(t, db)
	f, g := tierstest.Version(one, "a"), tierstest.Version(another, "a")
	var wg sync.WaitGroup
	wg.Go(func() { save(t, s, one, f) })
	wg.Go(func() { save(t, s, another, g) })
	wg.Wait()
	tierstest.Holds(t, s, one, f)
	tierstest.Holds(t, s, another, g)
	if got := athensReads(t, db, one); got != nil && !bytes.Equal(got, tierstest.Bytes(f, tiers.Zip)) {
		if !bytes.Equal(got, tierstest.Bytes(g, tiers.Zip)) {
			t.Errorf("Athens reads %d bytes that nobody saved", len(got))
		}
	}
	wantCount(t, db, "fs.files", 2)
}

func TestASaveWhoseZipBreaksOffLeavesNothing(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := openOn(t, db)
	f := tierstest.Large(one, "a", 6<<20)
	f.Zip = io.NewSectionReader(f.Zip, 0, f.Zip.Size()+10)
	if err := s.Save(t.Context(), one, f); err == nil {
		t.Error("got no error")
	}
	wantCount(t, db, "modules", 0)
	wantCount(t, db, "fs.files", 0)
	wantCount(t, db, "fs.chunks", 0)
}
