package mongo_test

import (
	"context"
	"errors"
	"flag"
	"net"
	"net/url"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"

	"github.com/modtier/modtier/internal/servertest"
	"github.com/modtier/modtier/locks"
	"github.com/modtier/modtier/locks/lockstest"
	"github.com/modtier/modtier/locks/mongo"
)

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "4") // they wait more than they work
	goleak.VerifyTestMain(m)
}

func uri(t testing.TB) string { return servertest.Server(t, "MODTIER_TEST_MONGO_URI") }

// connect returns a client of the server at uri, as a process has one.
func connect(t testing.TB, uri string) *driver.Client {
	t.Helper()
	c, err := driver.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		c.Disconnect(ctx)
	})
	return c
}

// A site is a database of the test's own, and dropped after it.
type site struct {
	uri, name string
	db        *driver.Database
}

func newSite(t testing.TB, uri string) *site {
	t.Helper()
	s := &site{uri: uri, name: "modtier_test_" + bson.NewObjectID().Hex()}
	s.db = connect(t, uri).Database(s.name)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.db.Drop(ctx); err != nil {
			t.Errorf("drop %s: %v", s.name, err)
		}
	})
	return s
}

// open returns a locker that has its own connections.
func (s *site) open(t testing.TB, c mongo.Config) locks.Locker {
	t.Helper()
	return openAt(t, s.uri, s.name, c)
}

func openAt(t testing.TB, uri, database string, c mongo.Config) locks.Locker {
	t.Helper()
	c.Database = connect(t, uri).Database(database)
	l, err := mongo.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func (s *site) service(c mongo.Config) lockstest.Service {
	return lockstest.Service{
		Open: func(t testing.TB) locks.Locker { return s.open(t, c) },
		Steal: func(t testing.TB, name string) {
			r, err := s.locks().DeleteOne(context.Background(), bson.D{{Key: "_id", Value: c.Prefix + name}})
			if err != nil || r.DeletedCount != 1 {
				t.Fatalf("stole %+v: %v", r, err)
			}
		},
		Limited: func(t testing.TB) locks.Locker {
			c := c
			c.TTL = time.Second
			return s.open(t, c)
		},
		Named: func(t testing.TB, holder string) locks.Locker {
			c := c
			c.Holder = holder
			return s.open(t, c)
		},
		At: func(t testing.TB, addr string) locks.Locker {
			return openAt(t, via(t, s.uri, addr), s.name, c)
		},
	}
}

func (s *site) locks() *driver.Collection { return s.db.Collection("modtier_locks") }

// via returns uri with another address in it.
func via(t testing.TB, uri, addr string) string {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = addr
	return u.String()
}

// stored returns the documents of the locks by _id.
func (s *site) stored(t testing.TB) map[string]bson.M {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var docs []bson.M
	found, err := s.locks().Find(ctx, bson.D{})
	if err == nil {
		err = found.All(ctx, &docs)
	}
	if err != nil {
		t.Fatal(err)
	}
	byID := make(map[string]bson.M)
	for _, d := range docs {
		byID[d["_id"].(string)] = d
	}
	return byID
}

// empties waits until nothing is left of any lock: the beats go after the unlock.
func (s *site) empties(t testing.TB) {
	t.Helper()
	lockstest.Eventually(t, "nothing is left", func() error {
		if docs := s.stored(t); len(docs) > 0 {
			return errors.New("there is " + anyKey(docs))
		}
		return nil
	})
}

func anyKey(m map[string]bson.M) string {
	for k := range m {
		return k
	}
	return ""
}

// start starts a server of the test's own on a free port.
func start(t testing.TB) (s *lockstest.Server, uri string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	s = &lockstest.Server{Args: []string{
		servertest.Server(t, "MODTIER_TEST_MONGO_BIN"), "-listen", addr, "-data", t.TempDir()}}
	s.Start(t)
	uri = "mongodb://" + addr + "/"
	c := connect(t, uri)
	lockstest.Eventually(t, "the server answers", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return c.Ping(ctx, nil)
	})
	return s, uri
}
