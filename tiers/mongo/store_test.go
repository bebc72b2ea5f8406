package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.uber.org/goleak"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/mongo"
	"github.com/modtier/modtier/tiers/tierstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A wholeOnly is a store, and beside it the way by which half a version comes into
// its database, so that the claims about a lone go.mod are tested too.
type wholeOnly struct {
	*mongo.Store
	db *driver.Database
}

func (s wholeOnly) Save(ctx context.Context, v module.Version, f tiers.Files) error {
	err := s.Store.Save(ctx, v, f)
	if f.Zip == nil && errors.Is(err, tiers.ErrWhole) {
		_, err = s.db.Collection("modules").InsertOne(ctx, athensDocument{Module: v.Path, Version: v.Version, Mod: f.Mod})
	}
	return err
}

func TestStoreIsAStore(t *testing.T) {
	t.Parallel()
	tierstest.TestStore(t, func(t *testing.T) tiers.Store {
		if strings.Contains(t.Name(), "/3000_versions") {
			t.Skip("a server whose every look is a scan takes minutes to save them: TestThousandsOfVersions inserts them at once")
		}
		db := newDatabase(t)
		return wholeOnly{openOn(t, db), db}
	})
}

func TestThousandsOfVersionsAreListedAndCatalogued(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("many")
	}
	for _, c := range []struct {
		who     string
		zipFile bool
		n, page int
	}{{"ours", true, 3000, 1000}, {"of Athens", false, 600, 300}} {
		t.Run(c.who, func(t *testing.T) {
			db := newDatabase(t)
			s := openOn(t, db)
			var docs, files []any
			var all []module.Version
			var want []string
			for i := range c.n {
				v := module.Version{Path: "example.com/very/much", Version: fmt.Sprintf("v1.%d.0", i)}
				all, want = append(all, v), append(want, v.Version)
				id := bson.NewObjectID()
				d := fields("module", v.Path, "version", v.Version, "mod", []byte("module m\n"), "info", []byte("{}"))
				f := fields("_id", id, "length", int64(7), "chunkSize", int32(255<<10),
					"uploadDate", time.Now(), "filename", athensName(v))
				if c.zipFile {
					d = append(d, bson.E{Key: "zip_file", Value: id})
					f = append(f, bson.E{Key: "metadata", Value: fields("module", v.Path, "version", v.Version, "sha256", "00")})
				}
				docs, files = append(docs, d), append(files, f)
			}
			insert(t, db, "fs.files", files...)
			insert(t, db, "modules", docs...)
			start := time.Now()
			tierstest.Lists(t, s, "example.com/very/much", want...)
			t.Logf("versions in %v", time.Since(start))
			start = time.Now()
			tierstest.Catalogs(t, s, c.page, all)
			t.Logf("catalog in %v", time.Since(start))
		})
	}
}

func TestALoneModIsAnsweredWithErrWhole(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	s := openOn(t, db)
	v := module.Version{Path: "example.com/a", Version: "v1.0.0"}
	f := tierstest.Version(v, "a")
	if err := s.Save(t.Context(), v, tiers.Files{Mod: f.Mod}); !errors.Is(err, tiers.ErrWhole) {
		t.Errorf("save without a zip: got error %v, want ErrWhole", err)
	}
	tierstest.Lacks(t, s, v)
	if err := s.Save(t.Context(), v, f); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.Context(), v, tiers.Files{Mod: f.Mod}); err != nil {
		t.Errorf("save of a go.mod that is there: %v", err)
	}
}

func TestNoFileOfAVersionIsEmpty(t *testing.T) {
	t.Parallel()
	s := openOn(t, newDatabase(t))
	v := module.Version{Path: "example.com/a", Version: "v1.0.0"}
	f := tierstest.Version(v, "a")
	for _, broken := range []tiers.Files{
		{Info: f.Info, Zip: f.Zip},
		{Mod: f.Mod, Zip: f.Zip},
		{Info: f.Info, Mod: f.Mod, Zip: tierstest.Section(nil)},
	} {
		if err := s.Save(t.Context(), v, broken); !errors.Is(err, tiers.ErrCorrupt) {
			t.Errorf("got error %v, want ErrCorrupt", err)
		}
	}
	tierstest.Lacks(t, s, v)
}

func TestStackOverStoreIsAStore(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long: not with -short")
	}
	tierstest.TestStore(t, func(t *testing.T) tiers.Store {
		if strings.Contains(t.Name(), "/3000_versions") || strings.Contains(t.Name(), "/a_zip_of_100_MB") {
			t.Skip("the store alone shows it, or says why not")
		}
		return tierstest.Stack(t, tiers.Level{Name: "mongo", Store: openOn(t, newDatabase(t))})
	})
}
