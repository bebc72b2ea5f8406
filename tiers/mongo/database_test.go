package mongo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/mod/module"

	"github.com/modtier/modtier/internal/servertest"
	"github.com/modtier/modtier/tiers"
	"github.com/modtier/modtier/tiers/mongo"
	"github.com/modtier/modtier/tiers/tierstest"
)

func uri(t *testing.T) string { return servertest.Server(t, "MODTIER_TEST_MONGO_URI") }

// via returns the URI of the test's server with another address in it, and with
// options.
func via(t *testing.T, addr string, options ...string) string {
	t.Helper()
	u, err := url.Parse(uri(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Host = addr
	q := u.Query()
	for _, o := range append(options, "directConnection=true") {
		k, v, _ := strings.Cut(o, "=")
		q.Set(k, v)
	}
	u.Path, u.RawQuery = "/", q.Encode()
	return u.String()
}

// dial connects to the test's server.
func dial(t *testing.T) (net.Conn, error) {
	u, err := url.Parse(uri(t))
	if err != nil {
		return nil, err
	}
	return net.Dial("tcp", u.Host)
}

func testLog(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// newDatabase returns a database of the test's own, and dropped after it, as the
// driver sees it.
func newDatabase(t *testing.T) *driver.Database {
	t.Helper()
	c, err := driver.Connect(options.Client().ApplyURI(uri(t)))
	if err != nil {
		t.Fatal(err)
	}
	db := c.Database("modtier_test_" + bson.NewObjectID().Hex())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(db.Drop(ctx), c.Disconnect(ctx)); err != nil {
			t.Errorf("drop %s: %v", db.Name(), err)
		}
	})
	return db
}

func open(t *testing.T, c mongo.Config) *mongo.Store {
	t.Helper()
	if c.Log == nil {
		c.Log = testLog(t)
	}
	s, err := mongo.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func openOn(t *testing.T, db *driver.Database) *mongo.Store {
	t.Helper()
	return open(t, mongo.Config{URL: uri(t), Database: db.Name()})
}

// fields returns a document of keys and values by turns.
func fields(pairs ...any) (d bson.D) {
	for i := 0; i < len(pairs); i += 2 {
		d = append(d, bson.E{Key: pairs[i].(string), Value: pairs[i+1]})
	}
	return d
}

func insert(t *testing.T, db *driver.Database, collection string, docs ...any) {
	t.Helper()
	if _, err := db.Collection(collection).InsertMany(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
}

func only(t *testing.T, db *driver.Database, collection string, filter bson.D) bson.Raw {
	t.Helper()
	d, err := db.Collection(collection).FindOne(t.Context(), filter).Raw()
	if err != nil {
		t.Fatalf("%s: %v", collection, err)
	}
	return d
}

func remove(t *testing.T, db *driver.Database, collection string, filter bson.D) {
	t.Helper()
	r, err := db.Collection(collection).DeleteMany(t.Context(), filter)
	if err != nil || r.DeletedCount == 0 {
		t.Fatalf("%s: removed %v, error %v", collection, r, err)
	}
}

func wantCount(t *testing.T, db *driver.Database, collection string, want int64) {
	t.Helper()
	got, err := db.Collection(collection).CountDocuments(t.Context(), bson.D{})
	if err != nil || got != want {
		t.Errorf("%s: got %d documents, error %v, want %d", collection, got, err, want)
	}
}

// An athensDocument has the fields that Athens knows, and its names of them.
type athensDocument struct {
	ID      bson.ObjectID `bson:"_id,omitempty"`
	Module  string        `bson:"module"`
	Version string        `bson:"version"`
	Mod     []byte        `bson:"mod"`
	Info    []byte        `bson:"info"`
}

func athensName(v module.Version) string {
	return strings.ReplaceAll(v.Path, "/", "_") + "_" + v.Version + ".zip"
}

// athensDocumentOf stores the document that Athens stores of v.
func athensDocumentOf(t *testing.T, db *driver.Database, v module.Version, f tiers.Files) {
	t.Helper()
	insert(t, db, "modules", athensDocument{Module: v.Path, Version: v.Version, Mod: f.Mod, Info: f.Info})
}

// athensZip stores a zip as Athens does, with the driver's own upload.
func athensZip(t *testing.T, db *driver.Database, v module.Version, zip []byte) bson.ObjectID {
	t.Helper()
	id, err := db.GridFSBucket().UploadFromStream(t.Context(), athensName(v), bytes.NewReader(zip))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func athensSave(t *testing.T, db *driver.Database, v module.Version, f tiers.Files) {
	t.Helper()
	athensZip(t, db, v, tierstest.Bytes(f, tiers.Zip))
	athensDocumentOf(t, db, v, f)
}

// athensReads returns the zip that Athens would serve for v: the newest of its
// name. Without one it returns nil.
func athensReads(t *testing.T, db *driver.Database, v module.Version) []byte {
	t.Helper()
	r, err := db.GridFSBucket().OpenDownloadStreamByName(t.Context(), athensName(v))
	if errors.Is(err, driver.ErrFileNotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
