package mongo_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/mongo"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestWhatIsLostIsAbsentAndASaveHealsIt(t *testing.T) {
	t.Parallel()
	f := tierstest.Large(one, "a", 3<<20)
	zip := tierstest.Bytes(f, tiers.Zip)
	for _, c := range []struct {
		claim string
		// A list does not look into what it lists, but remembers what an open
		// found.
		listed, noticed bool
		breaks          func(t *testing.T, db *driver.Database, s *mongo.Store)
	}{
		{"a zip that Athens lost", false, true, func(t *testing.T, db *driver.Database, _ *mongo.Store) {
			athensDocumentOf(t, db, one, f)
		}},
		{"a zip that Athens cut short", true, true, func(t *testing.T, db *driver.Database, _ *mongo.Store) {
			athensZip(t, db, one, zip[:len(zip)/2])
			athensDocumentOf(t, db, one, f)
		}},
		{"a zip of Athens without its last chunk", true, true, func(t *testing.T, db *driver.Database, _ *mongo.Store) {
			athensSave(t, db, one, f)
			remove(t, db, "fs.chunks", fields("n", (len(zip)-1)/261120))
		}},
		{"a zip of ours that is gone", false, true, func(t *testing.T, db *driver.Database, s *mongo.Store) {
			save(t, s, one, f)
			remove(t, db, "fs.files", bson.D{})
			remove(t, db, "fs.chunks", bson.D{})
		}},
		{"a zip of ours without its chunks", true, true, func(t *testing.T, db *driver.Database, s *mongo.Store) {
			save(t, s, one, f)
			remove(t, db, "fs.chunks", bson.D{})
		}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			db := newDatabase(t)
			s := openOn(t, db)
			c.breaks(t, db, s)
			if !c.listed {
				tierstest.Lists(t, s, one.Path)
			}
			tierstest.Lacks(t, s, one, tiers.Zip)
			tierstest.HoldsFile(t, s, tierstest.Ref(one, tiers.Mod), f.Mod)
			if c.noticed {
				tierstest.Lists(t, s, one.Path)
			}
			save(t, s, one, f)
			tierstest.Holds(t, s, one, f)
			tierstest.Lists(t, s, one.Path, one.Version)
			wantCount(t, db, "modules", 1)
			if got := athensReads(t, db, one); !bytes.Equal(got, zip) {
				t.Errorf("Athens reads %d bytes, want %d", len(got), len(zip))
			}
		})
	}
}

func TestAChunkThatIsMissingIsAnErrorAndNoEndAndThenAbsence(t *testing.T) {
	t.Parallel()
	f := tierstest.Large(one, "a", 3<<20)
	for name, first := range map[string]func(*testing.T, *driver.Database, *mongo.Store){
		"ours":      func(t *testing.T, _ *driver.Database, s *mongo.Store) { save(t, s, one, f) },
		"of Athens": func(t *testing.T, db *driver.Database, _ *mongo.Store) { athensSave(t, db, one, f) },
	} {
		for _, n := range []int{12, 5} { // the last one, and one before
			t.Run(fmt.Sprintf("%s, chunk %d", name, n), func(t *testing.T) {
				db := newDatabase(t)
				s := openOn(t, db)
				first(t, db, s)
				tierstest.Holds(t, s, one, f)
				remove(t, db, "fs.chunks", fields("n", n))
				b, err := tierstest.ReadFile(t.Context(), s, tierstest.Ref(one, tiers.Zip))
				if !errors.Is(err, tiers.ErrCorrupt) || len(b) != n*261120 {
					t.Errorf("got %d bytes and error %v, want %d and ErrCorrupt", len(b), err, n*261120)
				}
				tierstest.Lacks(t, s, one, tiers.Zip)
				tierstest.Lists(t, s, one.Path)
				save(t, s, one, f)
				tierstest.Holds(t, s, one, f)
				tierstest.Lists(t, s, one.Path, one.Version)
			})
		}
	}
}

func TestWhatACutOffSaveLeftIsSweptOnceItMustHaveEnded(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := openOn(t, db)
	left := func(age time.Duration) bson.ObjectID {
		id := bson.NewObjectID()
		insert(t, db, "fs.chunks", fields("files_id", id, "n", int32(0), "data", []byte("left")))
		insert(t, db, "fs.files", fields("_id", id, "length", int64(4), "chunkSize", int32(261120),
			"uploadDate", time.Now().Add(-age), "filename", athensName(one),
			"metadata", fields("module", one.Path, "version", one.Version, "sha256", "00")))
		return id
	}
	young := left(time.Hour)
	left(48 * time.Hour)
	tierstest.Lacks(t, s, one)
	tierstest.Lists(t, s, one.Path)
	f := tierstest.Version(one, "a")
	save(t, s, one, f)
	tierstest.Holds(t, s, one, f)
	wantCount(t, db, "fs.files", 2)
	wantCount(t, db, "fs.chunks", 2)
	if err := s.Delete(t.Context(), one); err != nil {
		t.Error(err)
	}
	// Its save may yet insert the document that names it.
	wantCount(t, db, "fs.files", 1)
	only(t, db, "fs.files", fields("_id", young))
}
